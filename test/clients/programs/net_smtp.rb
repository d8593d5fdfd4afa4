# Sends what stdin describes by net-smtp, and prints what came of each mail; ../ClientTask.ts says in what form.
require "json"
require "net/smtp"
require_relative "described"

task = JSON.parse($stdin.read)

def build(described)
  mail = Mail.new
  describe_headers(mail, described)
  text = Mail::Part.new(content_type: "text/plain; charset=UTF-8", body: described["text"])
  if described["html"]
    mail.text_part = text
    mail.html_part = Mail::Part.new(content_type: "text/html; charset=UTF-8", body: described["html"])
  elsif described["attachments"].any?
    mail.add_part(text)
  else
    mail.content_type = text.content_type
    mail.body = described["text"]
  end
  described["attachments"].each { |file| attach(mail, file) }
  mail
end

def deliver(smtp, described)
  mail = build(described)
  response = smtp.send_message(mail.encoded, described["from"]["address"], mail.destinations)
  { code: response.status.to_i, text: response.string[4..].strip }
rescue Net::SMTPError => error
  smtp.rset
  outcome(error)
end

context = Net::SMTP.default_ssl_context
context.ca_file = task["ca"]
smtp = Net::SMTP.new(task["host"], task["port"])
smtp.enable_starttls(context)
mechanism = (task["mechanism"] || "plain").downcase.to_sym
begin
  outcomes = smtp.start("client.example.com", task["username"], task["password"], mechanism) do
    task["mails"].map { |mail| deliver(smtp, mail) }
  end
rescue StandardError => error
  outcomes = task["mails"].map { outcome(error) }
end
puts JSON.generate(outcomes)
