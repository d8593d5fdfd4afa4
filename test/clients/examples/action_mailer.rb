require "action_mailer"

ActionMailer::Base.smtp_settings = {
  address: "smtp.example.com",
  port: 587,
  enable_starttls: true,
  user_name: "you@example.com",
  password: ENV.fetch("SMTP_PASSWORD"),
  authentication: :plain,
  open_timeout: 10,
  read_timeout: 60
}

class ReceiptMailer < ActionMailer::Base
  def receipt
    mail(from: "You <you@example.com>", to: "customer@example.com", subject: "Your receipt") do |format|
      format.text { render plain: "Thank you." }
      format.html { render html: "<p>Thank you.</p>".html_safe }
    end
  end
end

ReceiptMailer.receipt.deliver_now
