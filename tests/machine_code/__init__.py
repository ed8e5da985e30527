"""Where secrets go in compiled code: a data flow over what objdump prints.

Valgrind, which watches the portable code, does not know AVX-512.  So for kernels
the machine code itself is read.  Every register and every place on the stack
has, at each instruction, one of these kinds:

    number    public, and no pointer
    public    public; points to public memory (tables, curve parameters)
    pointers  public; points to public memory that has pointers to secrets
    secret    public itself; points to memory that has secrets
    SECRET    a secret, or what was computed from one

What is loaded through a pointer to public memory is public, everything else that
is loaded is a SECRET; what is computed has the highest kind of what it is computed
from.  Vector and mask registers have kinds like the others.  The arguments of
the functions where the analysis starts have the kinds that the table says; calls
inside the object are followed with the kinds that the registers then have.

A finding is a SECRET in one of these places: the condition of a jump; an address,
or the index of a gather; the target of a jump or call; an operand of an instruction
whose time depends on it (division; a shift count, to be careful); the mask of a
store; an argument of a function outside.  Also an instruction that is on no list:
see INSTRUCTIONS, which has the reason for each class.

What this believes and does not prove: that the program is correct C (no store goes
outside its object), that memory is of the kind that the table says, and that a
stack slot only ever accessed whole and by its own address is not also an element of
an array.  Linux on x86-64, System V calls, objects compiled with GNU tools.
"""

from .flow import Analysis
from .instructions import BEYOND_BASELINE, INSTRUCTIONS, class_of
from .objects import ObjectCode, symbols
from .state import Finding, Signature, signature

__all__ = [
    "BEYOND_BASELINE",
    "INSTRUCTIONS",
    "Analysis",
    "Finding",
    "ObjectCode",
    "Signature",
    "class_of",
    "signature",
    "symbols",
]
