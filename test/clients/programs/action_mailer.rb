# Sends what stdin describes by Action Mailer, and prints what came of each mail; ../ClientTask.ts says in what form.
require "action_mailer"
require "json"
require_relative "described"

task = JSON.parse($stdin.read)

ActionMailer::Base.delivery_method = :smtp
ActionMailer::Base.smtp_settings = {
  address: task["host"],
  port: task["port"],
  enable_starttls: true,
  ca_file: task["ca"],
  user_name: task["username"],
  password: task["password"],
  authentication: (task["mechanism"] || "plain").downcase.to_sym,
  return_response: true
}

class DescribedMailer < ActionMailer::Base
  def described(mail)
    mail["attachments"].each { |file| attach(self, file) }
    mail(subject: mail["subject"]) do |format|
      format.text { render plain: mail["text"] }
      format.html { render html: mail["html"].html_safe } if mail["html"]
    end
    describe_headers(message, mail)
  end
end

outcomes = task["mails"].map do |mail|
  response = DescribedMailer.described(mail).deliver_now!
  { code: 250, text: nil }
rescue StandardError => error
  outcome(error)
end
puts JSON.generate(outcomes)
