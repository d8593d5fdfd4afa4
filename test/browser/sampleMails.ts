/** Mails as a shop might send them: what the screenshots show. */
import type { SendMailOptions } from "nodemailer"

const receipt = `<!doctype html>
<html><body style="margin:0;background:#f3f1ee;font-family:Helvetica,Arial,sans-serif;color:#2b2724">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center" style="padding:36px 16px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="max-width:560px;width:100%;background:#fff;border-radius:14px;overflow:hidden">
<tr><td style="background:#2d4739;padding:26px 36px;color:#f4efe3;font-size:20px;font-weight:bold;letter-spacing:.5px">Rosewood Bakery</td></tr>
<tr><td style="padding:34px 36px 10px"><h1 style="margin:0 0 12px;font-size:26px;line-height:1.25">Thank you, Maya. Your bread is on its way.</h1>
<p style="margin:0 0 22px;font-size:16px;line-height:1.6;color:#5d554d">We baked it this morning, and a courier picks it up at three. You will have it before dinner.</p></td></tr>
<tr><td style="padding:0 36px"><table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="font-size:15px;border-top:1px solid #ece7e0">
<tr><td style="padding:14px 0">Country sourdough, 1 kg</td><td align="right">9.50</td></tr>
<tr><td style="padding:14px 0;border-top:1px solid #ece7e0">Cinnamon knots, 6</td><td align="right" style="border-top:1px solid #ece7e0">14.00</td></tr>
<tr><td style="padding:14px 0;border-top:1px solid #ece7e0"><b>Total</b></td><td align="right" style="border-top:1px solid #ece7e0"><b>23.50</b></td></tr></table></td></tr>
<tr><td style="padding:24px 36px 38px"><a href="https://example.com/orders/4711" style="display:inline-block;background:#c0533c;color:#fff;text-decoration:none;font-weight:bold;padding:13px 26px;border-radius:8px">Follow your order</a></td></tr>
</table><p style="font-size:12px;color:#7a7067">Rosewood Bakery, 12 Mill Lane</p></td></tr></table></body></html>`

const pdf = Buffer.from("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")

/** Oldest first. */
export const sampleMails: ReadonlyArray<SendMailOptions> = [
  {
    from: '"Harbour Gym" <hello@harbourgym.example>',
    to: "sam@example.com",
    subject: "Your trial ends on Friday",
    text: "Stay with us for half the price in the first three months.",
    html: "<p>Stay with us for <b>half the price</b> in the first three months.</p>"
  },
  {
    from: '"Fieldnotes" <digest@fieldnotes.example>',
    to: "Maya Lindqvist <maya@example.com>",
    subject: "Seven things we read this week",
    html: '<h1>Seven things we read this week</h1><p>On tides, typefaces and the return of the night train.</p><img src="https://example.com/train.jpg" alt="">',
    text: "On tides, typefaces and the return of the night train."
  },
  {
    from: '"Northwind Bank" <security@northwind.example>',
    to: "ana@example.com",
    subject: "New sign-in from Lisbon",
    text: "We noticed a sign-in to your account from a device that we have not seen before. If it was you, there is nothing to do."
  },
  {
    from: '"Atlas Team" <team@atlas.example>',
    to: '"Jonas Weber" <jonas@example.com>',
    subject: "Reset your password",
    text: "Somebody asked for a new password for your account. The link works for thirty minutes.",
    html: "<p>Somebody asked for a new password for your account. <a href='https://example.com/reset'>Choose a new one</a>; the link works for thirty minutes.</p>"
  },
  {
    from: '"Café Olé" <reservas@cafeole.example>',
    to: "léa@example.com",
    subject: "Votre table pour quatre, samedi à 20 h",
    text: "Nous nous réjouissons de vous accueillir samedi à 20 heures.",
    attachments: [
      {
        filename: "reservation.ics",
        contentType: "text/calendar",
        content: "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:Café Olé\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
      }
    ]
  },
  {
    from: '"Atlas Team" <team@atlas.example>',
    to: "priya@example.com",
    subject: "Welcome to Atlas, Priya",
    text: "Three steps, five minutes, and your first map is live.",
    html: "<h1>Welcome to Atlas</h1><p>Three steps, five minutes, and your first map is live.</p>",
    headers: { "X-Tags": "welcome, onboarding" }
  },
  {
    from: '"Rosewood Bakery" <orders@rosewood.example>',
    to: '"Maya Lindqvist" <maya@example.com>',
    replyTo: "help@rosewood.example",
    subject: "Your order 4711 is on its way",
    text: "Thank you, Maya. Your bread is on its way. We baked it this morning, and a courier picks it up at three.",
    html: receipt,
    headers: { "X-Tags": "order" },
    attachments: [
      { filename: "receipt-4711.pdf", contentType: "application/pdf", content: pdf },
      {
        filename: "items.csv",
        contentType: "text/csv",
        content: "item,price\nCountry sourdough,9.50\nCinnamon knots,14.00\n"
      }
    ]
  }
]
