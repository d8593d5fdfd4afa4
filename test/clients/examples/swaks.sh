swaks --server smtp.example.com --port 587 --tls --tls-verify \
  --auth PLAIN --auth-user you@example.com --auth-password "$SMTP_PASSWORD" \
  --from you@example.com --to customer@example.com \
  --h-From "You <you@example.com>" --h-Subject "Your receipt" \
  --attach-type text/plain --attach-body "Thank you." \
  --attach-type text/html --attach-body "<p>Thank you.</p>"
