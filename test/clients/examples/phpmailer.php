<?php
require 'vendor/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;

$mailer = new PHPMailer(true);
$mailer->isSMTP();
$mailer->Host = 'smtp.example.com';
$mailer->Port = 587;
$mailer->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
$mailer->SMTPAuth = true;
$mailer->Username = 'you@example.com';
$mailer->Password = getenv('SMTP_PASSWORD');
$mailer->CharSet = PHPMailer::CHARSET_UTF8;

$mailer->setFrom('you@example.com', 'You');
$mailer->addAddress('customer@example.com');
$mailer->Subject = 'Your receipt';
$mailer->isHTML();
$mailer->Body = '<p>Thank you.</p>';
$mailer->AltBody = 'Thank you.';
$mailer->send();
