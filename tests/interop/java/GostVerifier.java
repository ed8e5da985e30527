import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509CRL;
import java.security.cert.X509Certificate;
import java.util.Collection;

import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;

/**
 * Verifies what the tests give it with BouncyCastle's JCA classes.
 *
 * Reads one question a line, fields separated by tabs, and answers each with one
 * line: "ok", or "refused: " and the reason.
 */
public final class GostVerifier {
    private static final String BC = BouncyCastleProvider.PROVIDER_NAME;

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(
                new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        String line;
        while ((line = in.readLine()) != null) {
            String answer;
            try {
                answer = answer(line.split("\t"));
            } catch (Exception e) {
                answer = "refused: " + e.toString().replace('\n', ' ');
            }
            out.println(answer);
        }
    }

    private static String answer(String[] question) throws Exception {
        byte[] file = Files.readAllBytes(Path.of(question[1]));
        switch (question[0]) {
            case "certificate":
                certificate(file).verify(certificate(question[2]).getPublicKey(), BC);
                return "ok";
            case "request":
                PKCS10CertificationRequest request = new PKCS10CertificationRequest(file);
                return yes(request.isSignatureValid(new JcaContentVerifierProviderBuilder()
                        .setProvider(BC).build(request.getSubjectPublicKeyInfo())));
            case "crl":
                crl(file).verify(certificate(question[2]).getPublicKey(), BC);
                return "ok";
            case "revoked":
                return yes(crl(file).isRevoked(certificate(question[2])));
            case "cms":
                return signed(new CMSSignedData(file), certificate(question[2]));
            case "detached":
                byte[] content = Files.readAllBytes(Path.of(question[3]));
                return signed(new CMSSignedData(new CMSProcessableByteArray(content), file),
                        certificate(question[2]));
            default:
                throw new IllegalArgumentException("unknown question " + question[0]);
        }
    }

    private static String signed(CMSSignedData data, X509Certificate signer) throws Exception {
        Collection<SignerInformation> signers = data.getSignerInfos().getSigners();
        for (SignerInformation information : signers) {
            if (!information.verify(new JcaSimpleSignerInfoVerifierBuilder()
                    .setProvider(BC).build(signer.getPublicKey()))) {
                return "refused: signature";
            }
        }
        return yes(!signers.isEmpty());
    }

    private static String yes(boolean value) {
        return value ? "ok" : "refused: no";
    }

    private static X509Certificate certificate(String path) throws Exception {
        return certificate(Files.readAllBytes(Path.of(path)));
    }

    private static X509Certificate certificate(byte[] der) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509", BC)
                .generateCertificate(new ByteArrayInputStream(der));
    }

    private static X509CRL crl(byte[] der) throws Exception {
        return (X509CRL) CertificateFactory.getInstance("X.509", BC)
                .generateCRL(new ByteArrayInputStream(der));
    }

    private GostVerifier() {
    }
}
