# Mails as ../ClientTask.ts describes them, built by the mail library.
require "mail"

def mailbox(described)
  address = Mail::Address.new(described["address"])
  address.display_name = described["name"] unless described["name"].empty?
  address.format
end

def attach(mail, file)
  content = { mime_type: file["type"], content: File.binread(file["path"]) }
  return mail.attachments[file["name"]] = content if file["contentId"].nil?

  mail.attachments.inline[file["name"]] = content.merge(content_id: "<#{file["contentId"]}>")
end

def describe_headers(mail, described)
  mail.charset = "UTF-8"
  mail.from = mailbox(described["from"])
  mail.to = described["to"].map { |each| mailbox(each) }
  mail.cc = described["cc"].map { |each| mailbox(each) } if described["cc"].any?
  mail.bcc = described["bcc"].map { |each| mailbox(each) } if described["bcc"].any?
  mail.reply_to = mailbox(described["replyTo"]) if described["replyTo"]
  mail.subject = described["subject"]
  described["headers"].each { |header| mail[header["name"]] = header["value"] }
end

# What an exception of net-smtp tells: the answer, or a text alone.
def outcome(error)
  answer = /\A(\d{3})[ -](.*)/.match(error.message)
  answer ? { code: answer[1].to_i, text: answer[2].strip } : { code: 0, text: error.message }
end
