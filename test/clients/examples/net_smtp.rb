require "mail"
require "net/smtp"

mail = Mail.new(from: "You <you@example.com>", to: "customer@example.com", subject: "Your receipt")
mail.text_part = Mail::Part.new(content_type: "text/plain; charset=UTF-8", body: "Thank you.")
mail.html_part = Mail::Part.new(content_type: "text/html; charset=UTF-8", body: "<p>Thank you.</p>")

smtp = Net::SMTP.new("smtp.example.com", 587)
smtp.enable_starttls
smtp.start("client.example.com", "you@example.com", ENV.fetch("SMTP_PASSWORD"), :plain) do
  smtp.send_message(mail.encoded, "you@example.com", "customer@example.com")
end
