// Sends what stdin describes by System.Net.Mail, and prints what came of each mail; ../ClientTask.ts says in what form.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Net.Mail;
using System.Net.Mime;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;

[DataContract] class Described { [DataMember] public string name, address; }

[DataContract] class Header { [DataMember] public string name, value; }

[DataContract] class AttachedFile { [DataMember] public string path, name, type, contentId; }

[DataContract] class MailToSend
{
    [DataMember] public Described from, replyTo;
    [DataMember] public Described[] to, cc, bcc;
    [DataMember] public string subject, text, html;
    [DataMember] public Header[] headers;
    [DataMember] public AttachedFile[] attachments;
}

[DataContract] class ClientTask
{
    [DataMember] public string host, ca, username, password, mechanism;
    [DataMember] public int port;
    [DataMember] public MailToSend[] mails;
}

[DataContract] class Outcome { [DataMember] public int code; [DataMember] public string text; }

static class SystemNetMail
{
    static MailAddress Mailbox(Described described)
    {
        return new MailAddress(described.address, described.name, Encoding.UTF8);
    }

    static MailMessage Message(MailToSend mail)
    {
        var message = new MailMessage { From = Mailbox(mail.from), Subject = mail.subject, SubjectEncoding = Encoding.UTF8 };
        foreach (var each in mail.to) message.To.Add(Mailbox(each));
        foreach (var each in mail.cc) message.CC.Add(Mailbox(each));
        foreach (var each in mail.bcc) message.Bcc.Add(Mailbox(each));
        if (mail.replyTo != null) message.ReplyToList.Add(Mailbox(mail.replyTo));
        foreach (var header in mail.headers) message.Headers.Add(header.name, header.value);
        message.BodyEncoding = Encoding.UTF8;
        message.Body = mail.text;
        AlternateView html = null;
        if (mail.html != null)
        {
            html = AlternateView.CreateAlternateViewFromString(mail.html, Encoding.UTF8, MediaTypeNames.Text.Html);
            message.AlternateViews.Add(html);
        }
        foreach (var file in mail.attachments)
        {
            if (file.contentId == null)
            {
                message.Attachments.Add(new Attachment(file.path, file.type) { Name = file.name, NameEncoding = Encoding.UTF8 });
            }
            else
            {
                html.LinkedResources.Add(new LinkedResource(file.path, file.type) { ContentId = file.contentId });
            }
        }
        return message;
    }

    static Outcome Send(SmtpClient client, MailToSend mail)
    {
        try
        {
            using (var message = Message(mail)) client.Send(message);
            return new Outcome { code = 250 };
        }
        catch (SmtpException error)
        {
            Exception cause = error;
            while (cause.InnerException != null) cause = cause.InnerException;
            return new Outcome { code = Math.Max(0, (int) error.StatusCode), text = cause.Message };
        }
    }

    static void Main()
    {
        var input = new MemoryStream(Encoding.UTF8.GetBytes(Console.In.ReadToEnd()));
        var task = (ClientTask) new DataContractJsonSerializer(typeof(ClientTask)).ReadObject(input);
        var outcomes = new List<Outcome>();
        // Without EnableSsl: Mono's client speaks no TLS but 1.0. A tunnel to the gateway speaks TLS for it.
        using (var client = new SmtpClient(task.host, task.port))
        {
            client.Credentials = new NetworkCredential(task.username, task.password);
            foreach (var mail in task.mails) outcomes.Add(Send(client, mail));
        }
        new DataContractJsonSerializer(typeof(List<Outcome>)).WriteObject(Console.OpenStandardOutput(), outcomes);
    }
}
