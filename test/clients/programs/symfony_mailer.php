<?php
/* Sends what stdin describes by Symfony Mailer, and prints what came of each mail; ../ClientTask.ts says in what form. */
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';

use Symfony\Component\Mailer\Exception\TransportExceptionInterface;
use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport;
use Symfony\Component\Mime\Address;
use Symfony\Component\Mime\Email;

$task = json_decode(stream_get_contents(STDIN));

$transport = new EsmtpTransport($task->host, $task->port);
$transport->setUsername($task->username);
$transport->setPassword($task->password);
$transport->getStream()->setStreamOptions(['ssl' => ['cafile' => $task->ca]]);
$mailer = new Mailer($transport);

function addresses(array $described): array
{
    return array_map(fn (object $each) => new Address($each->address, $each->name), $described);
}

function email(object $mail): Email
{
    $email = (new Email())
        ->from(...addresses([$mail->from]))
        ->to(...addresses($mail->to))
        ->cc(...addresses($mail->cc))
        ->bcc(...addresses($mail->bcc))
        ->subject($mail->subject)
        ->text($mail->text);
    if ($mail->replyTo !== null) $email->replyTo(...addresses([$mail->replyTo]));
    if ($mail->html !== null) $email->html($mail->html);
    foreach ($mail->headers as $header) $email->getHeaders()->addTextHeader($header->name, $header->value);
    foreach ($mail->attachments as $file) {
        if ($file->contentId === null) {
            $email->attachFromPath($file->path, $file->name, $file->type);
        } else {
            /* It refers to an image by its name, and makes the Content-ID itself. */
            $email->embedFromPath($file->path, $file->contentId, $file->type);
        }
    }
    return $email;
}

$outcomes = [];
foreach ($task->mails as $mail) {
    try {
        $mailer->send(email($mail));
        $outcomes[] = ['code' => 250, 'text' => null];
    } catch (TransportExceptionInterface $exception) {
        /* The answer stands within the text of the exception. */
        $answered = preg_match('/"(\d{3}) ([^"]*)"/', $exception->getMessage(), $answer) === 1;
        $outcomes[] = $answered
            ? ['code' => (int) $answer[1], 'text' => trim($answer[2])]
            : ['code' => $exception->getCode(), 'text' => $exception->getMessage()];
    }
}
echo json_encode($outcomes), "\n";
