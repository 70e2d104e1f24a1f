// Client.java PORT: sends the message on standard input, with its sender and
// recipient from the environment, over STARTTLS, by JavaMail, which is what
// most hospital systems send with; prints the last reply.

import java.util.Properties;
import javax.mail.Address;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;

public class Client {
    public static void main(String[] arguments) throws Exception {
        Properties settings = new Properties();
        settings.put("mail.smtp.host", "127.0.0.1");
        settings.put("mail.smtp.port", arguments[0]);
        settings.put("mail.smtp.localhost", "client.test.example");
        settings.put("mail.smtp.from", System.getenv("SENDER"));
        settings.put("mail.smtp.allow8bitmime", "true");
        settings.put("mail.smtp.starttls.required", "true");
        // The certificate bears the gateway's name, not the one of loopback.
        settings.put("mail.smtp.ssl.checkserveridentity", "false");
        settings.put("mail.smtp.ssl.trust", "*");
        Session session = Session.getInstance(settings);
        MimeMessage message = new MimeMessage(session, System.in);
        Address[] recipients = {new InternetAddress(System.getenv("RECIPIENT"))};
        try (Transport transport = session.getTransport("smtp")) {
            transport.connect();
            transport.sendMessage(message, recipients);
            System.out.println(((com.sun.mail.smtp.SMTPTransport) transport).getLastServerResponse());
        }
    }
}
