"""Style and script of the report's page, which are put into it.

Colours are those of Okabe and Ito and near ones, which can be told apart by people who
do not see all colours; each is named in words beside, too.
"""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#566070;--paper:#fff;--card:#f6f7f9;
--line:#d5dae1;--link:#0b57b0;--old:#d55e00;--new:#0072b2;--bad:#c0392b;--good:#00825a;
--wait:#b07d00;--s0:#c9ced6;--s1:#a9b8cc;--s2:#e6b422;--s3:#d98e04;--s4:#6fa8dc;
--s5:#3d7fbf;--s6:#6ab187;--s7:#00825a}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#a3adbb;--paper:#14181f;
--card:#1d232d;--line:#3a4352;--link:#7db7ff;--old:#ff9146;--new:#58b4ee;--bad:#ff7566;
--good:#3ccf9a;--wait:#f0c24b;--s0:#4b5464;--s1:#64748b;--s2:#c79a14;--s3:#e59f2a;
--s4:#4f8fc9;--s5:#7db7ee;--s6:#3f8f68;--s7:#3ccf9a}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,"Segoe UI",Roboto,"Liberation Sans","DejaVu Sans",sans-serif}
header,main,footer{max-width:72rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1.75rem}header p,footer,figcaption,caption{color:var(--soft)}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:0 0 .75rem}h3{font-size:1rem;margin:1rem 0 .25rem}
section{margin:1.75rem 0;padding-top:1.25rem;border-top:1px solid var(--line)}
a{color:var(--link)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem}
.tiles{display:flex;flex-wrap:wrap;gap:.75rem;margin:0;padding:0;list-style:none}
.tiles li{background:var(--card);border:1px solid var(--line);border-radius:.5rem;
border-left:.3rem solid var(--soft);padding:.6rem .9rem;min-width:8.5rem}
.tiles b{display:block;font-size:1.6rem;line-height:1.2;
font-variant-numeric:tabular-nums}
.tiles span{color:var(--soft);font-size:.9rem}
.tiles .renewed{border-left-color:var(--good)}
.tiles .waiting,.tiles .unfinished{border-left-color:var(--wait)}
.tiles .failed,.tiles .refused,.tiles .unreadable{border-left-color:var(--bad)}
.bar{display:flex;height:.6rem;border-radius:.3rem;overflow:hidden;margin:1rem 0;
background:var(--line);gap:2px}
.bar span{background:var(--soft);min-width:2px;flex-basis:0}
.bar .renewed{background:var(--good)}
.bar .waiting,.bar .unfinished{background:var(--wait)}
.bar .failed,.bar .refused,.bar .unreadable{background:var(--bad)}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:.5rem;
padding:.75rem;overflow-x:auto}
figure svg{display:block;width:100%;min-width:36rem;height:auto}
figure svg text{font-family:inherit;fill:var(--ink)}
figcaption p{margin:.25rem 0 0;font-size:.9rem}
.legend{display:flex;flex-wrap:wrap;gap:1rem;list-style:none;margin:.5rem 0 0;padding:0;
font-size:.9rem}
.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;
margin-right:.4rem}.legend .old{background:var(--old)}
.legend .new{background:var(--new)}
details{margin-top:.75rem}summary{cursor:pointer;color:var(--link)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin-top:.5rem}
caption{text-align:left;padding:.25rem 0 .5rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}
thead th{color:var(--soft);font-weight:600;white-space:nowrap}
tbody th{font-weight:500;min-width:11rem}
.d{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
.sortable button{all:unset;cursor:pointer;font-weight:600}
.sortable button:focus-visible,.wide:focus-visible,summary:focus-visible,a:focus-visible
{outline:2px solid var(--link);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" \\25B2"}
th[aria-sort=descending] button::after{content:" \\25BC"}
dl{margin:0;display:grid;gap:.35rem}dl div{display:grid;grid-template-columns:15rem 1fr;
gap:1rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{padding-bottom:2rem;font-size:.9rem}
@media (max-width:40rem){dl div{grid-template-columns:1fr;gap:0}}
@media print{:root{--ink:#000;--soft:#333;--paper:#fff;--card:#fff;--line:#999;
--link:#000;--old:#d55e00;--new:#0072b2;--bad:#c0392b;--good:#00825a;--wait:#b07d00;
--s0:#c9ced6;--s1:#a9b8cc;--s2:#e6b422;--s3:#d98e04;--s4:#6fa8dc;--s5:#3d7fbf;
--s6:#6ab187;--s7:#00825a}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{font-size:10pt}header,main,footer{max-width:none;padding:0}.skip,summary{display:none}
figure,.tiles li,tr{break-inside:avoid}thead{display:table-header-group}
h2,caption{break-after:avoid}.wide{overflow:visible}}
"""

SCRIPT = """
document.querySelectorAll("table.sortable").forEach(function(table){
var heads=table.querySelectorAll("thead th");
heads.forEach(function(head,column){
var button=document.createElement("button");
button.textContent=head.textContent;head.textContent="";head.appendChild(button);
button.addEventListener("click",function(){
var up=head.getAttribute("aria-sort")!=="ascending";
heads.forEach(function(one){one.removeAttribute("aria-sort")});
head.setAttribute("aria-sort",up?"ascending":"descending");
var body=table.tBodies[0],rows=Array.from(body.rows);
var order=new Intl.Collator(undefined,{numeric:true});
rows.sort(function(a,b){
var d=order.compare(a.cells[column].textContent,b.cells[column].textContent);
return up?d:-d});
rows.forEach(function(row){body.appendChild(row)});
});});});
"""
