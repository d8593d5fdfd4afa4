<?php
/* Sends what stdin describes by PHPMailer, and prints what came of each mail; ../ClientTask.ts says in what form. */
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\Exception;
use PHPMailer\PHPMailer\PHPMailer;
use PHPMailer\PHPMailer\SMTP;

$task = json_decode(stream_get_contents(STDIN));

$mailer = new PHPMailer(true);
$mailer->isSMTP();
$mailer->Host = $task->host;
$mailer->Port = $task->port;
$mailer->SMTPSecure = PHPMailer::ENCRYPTION_STARTTLS;
$mailer->SMTPOptions = ['ssl' => ['cafile' => $task->ca]];
$mailer->SMTPAuth = true;
$mailer->AuthType = $task->mechanism ?? '';
$mailer->Username = $task->username;
$mailer->Password = $task->password;
$mailer->SMTPKeepAlive = true;
$mailer->CharSet = PHPMailer::CHARSET_UTF8;

function describe(PHPMailer $mailer, object $mail): void
{
    $mailer->clearAllRecipients();
    $mailer->clearReplyTos();
    $mailer->clearCustomHeaders();
    $mailer->clearAttachments();
    $mailer->setFrom($mail->from->address, $mail->from->name);
    foreach ($mail->to as $to) $mailer->addAddress($to->address, $to->name);
    foreach ($mail->cc as $cc) $mailer->addCC($cc->address, $cc->name);
    foreach ($mail->bcc as $bcc) $mailer->addBCC($bcc->address, $bcc->name);
    if ($mail->replyTo !== null) $mailer->addReplyTo($mail->replyTo->address, $mail->replyTo->name);
    foreach ($mail->headers as $header) $mailer->addCustomHeader($header->name, $header->value);
    $mailer->Subject = $mail->subject;
    $mailer->isHTML($mail->html !== null);
    $mailer->Body = $mail->html ?? $mail->text;
    $mailer->AltBody = $mail->html === null ? '' : $mail->text;
    foreach ($mail->attachments as $file) {
        if ($file->contentId === null) {
            $mailer->addAttachment($file->path, $file->name, PHPMailer::ENCODING_BASE64, $file->type);
        } else {
            $mailer->addEmbeddedImage($file->path, $file->contentId, $file->name, PHPMailer::ENCODING_BASE64, $file->type);
        }
    }
}

/* Its exceptions do not always tell what the server said; the transcript does. */
$said = [];
$mailer->SMTPDebug = SMTP::DEBUG_SERVER;
$mailer->Debugoutput = function (string $line) use (&$said): void {
    if (preg_match('/SERVER -> CLIENT: (\d{3}) (.*)/', $line, $reply) === 1) $said[] = $reply;
};

function refusal(array $said, string $otherwise): array
{
    foreach ($said as [, $code, $text]) {
        if ($code >= 400) return ['code' => (int) $code, 'text' => trim($text)];
    }
    return ['code' => 0, 'text' => $otherwise];
}

/* What was answered to the data. With SMTPKeepAlive getLastReply() is what was answered to the RSET behind it. */
function receipt(array $said): string
{
    $dataAt = array_search('354', array_column($said, 1), true);
    return trim($said[$dataAt + 1][2]);
}

$outcomes = [];
foreach ($task->mails as $mail) {
    $said = [];
    try {
        describe($mailer, $mail);
        $mailer->send();
        $outcomes[] = ['code' => 250, 'text' => receipt($said)];
    } catch (Exception $exception) {
        $outcomes[] = refusal($said, $exception->getMessage());
    }
}
$mailer->smtpClose();
echo json_encode($outcomes), "\n";
