curl --ssl-reqd --url smtp://smtp.example.com:587 --user "you@example.com:$SMTP_PASSWORD" \
  --mail-from you@example.com --mail-rcpt customer@example.com \
  --header "From: You <you@example.com>" --header "To: customer@example.com" --header "Subject: Your receipt" \
  --form '=(;type=multipart/alternative' \
  --form '=Thank you.;type=text/plain' --form '="<p>Thank you.</p>";type=text/html' \
  --form '=)'
