<?php
require 'vendor/autoload.php';

use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport;
use Symfony\Component\Mime\Email;

$password = urlencode(getenv('SMTP_PASSWORD'));
$transport = Transport::fromDsn("smtp://you%40example.com:{$password}@smtp.example.com:587");

$email = (new Email())
    ->from('You <you@example.com>')
    ->to('customer@example.com')
    ->subject('Your receipt')
    ->text('Thank you.')
    ->html('<p>Thank you.</p>');
(new Mailer($transport))->send($email);
