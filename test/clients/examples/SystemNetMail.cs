using System;
using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Text;

class Example
{
    static void Main()
    {
        var password = Environment.GetEnvironmentVariable("SMTP_PASSWORD");
        using (var client = new SmtpClient("smtp.example.com", 587) { EnableSsl = true })
        using (var mail = new MailMessage("You <you@example.com>", "customer@example.com"))
        {
            client.Credentials = new NetworkCredential("you@example.com", password);
            mail.Subject = "Your receipt";
            mail.Body = "Thank you.";
            mail.AlternateViews.Add(
                AlternateView.CreateAlternateViewFromString("<p>Thank you.</p>", Encoding.UTF8, MediaTypeNames.Text.Html));
            client.Send(mail);
        }
    }
}
