import { createTransport } from "nodemailer"

const transport = createTransport({
  host: "smtp.example.com",
  port: 587,
  requireTLS: true,
  auth: { user: "you@example.com", pass: process.env.SMTP_PASSWORD },
  pool: true
})
const { response } = await transport.sendMail({
  from: "You <you@example.com>",
  to: "customer@example.com",
  subject: "Your receipt",
  text: "Thank you.",
  html: "<p>Thank you.</p>"
})
console.log(response)
transport.close()
