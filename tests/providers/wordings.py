"""Replies as relays and receivers really word them, by whose affair they are. None of these is the account's."""

RECIPIENT = (
    "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's "
    "email address for typos or unnecessary spaces. - gsmtp",
    "550 5.2.1 The email account that you tried to reach is disabled. - gsmtp",
    "550 5.2.1 The email account that you tried to reach is inactive. - gsmtp",
    "452 4.2.2 The email account that you tried to reach is over quota. Please direct the recipient to this article.",
    "552 5.2.2 The email account that you tried to reach is over quota and inactive. - gsmtp",
    "452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to this page.",
    "450 4.2.1 The user you are trying to contact is receiving mail too quickly. Please resend your message at a "
    "later time.",
    "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from "
    "being delivered.",
    "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown in virtual mailbox table",
    "550 5.1.1 <nobody@example.net>: Recipient address rejected: User unknown in local recipient table",
    "552 5.2.1 <alias@example.net>: Recipient address rejected: User disabled",
    "550 5.1.1 <nobody@example.net>: Recipient address rejected: Account suspended",
    "554 5.7.1 <nobody@example.net>: Recipient address rejected: Account disabled",
    "550 5.1.1 <nobody@example.net>... User unknown",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
    "550 5.5.0 Requested action not taken: mailbox unavailable",
    "550 Requested action not taken: mailbox unavailable",
    "554 delivery error: dd This user doesn't have a yahoo.com account (nobody@yahoo.com) [0]",
    "554 delivery error: dd This account has been disabled or discontinued [#101].",
    "552 5.2.2 Mailbox full",
    "552 5.2.2 <someone@example.net>: quota exceeded (mailbox for user is full)",
    "452 4.2.2 Over quota",
    "554 30 Sorry, your message to someone@aol.com cannot be delivered. This mailbox is disabled (554.30).",
    "550 5.1.6 Recipient no longer on server: someone@example.net",
    "550 No such user here",
    "550 5.1.2 Bad destination system address",
    "450 4.1.1 <someone@example.net>: Recipient address rejected: unverified address",
)

SENDER = (
    "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is "
    "resolved. Visit https://sendgrid.com/docs/for-developers/sending-email/sender-identity/ to see the requirements",
    "554 Message rejected: Email address is not verified. The following identities failed the check in region "
    "EU-WEST-1: sender@example.org",
    "550 5.7.1 Unconfigured Sending Domain <example.org>",
    "550 5.1.8 <sender@example.org>: Sender address rejected: Domain not found",
    "553 5.7.1 <sender@example.org>: Sender address rejected: not owned by user login@example.org",
    "550 5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to "
    "authenticate with either SPF or DKIM.",
    "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.",
    "550 5.7.1 Email rejected per DMARC policy for example.org",
    "550 5.7.23 The message was rejected because of Sender Policy Framework violation",
    "550 5.7.25 The IP address sending this message does not have a PTR record setup.",
    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
    "550 5.1.7 Invalid address",
)

CONTENT = (
    "552 5.7.0 This message was blocked because its content presents a potential security issue. - gsmtp",
    "552 5.3.4 Message size exceeds fixed limit",
    "552 5.3.4 Your message exceeded Google's message size limits.",
    "554 5.7.1 Message contains a virus: Eicar-Test-Signature",
    "554 5.6.1 Body type not supported by remote host",
    "554 5.7.1 Spam message rejected",
    "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "550 5.7.1 [192.0.2.1] The IP you're using to send mail is not authorized to send email directly to our servers.",
    "550 5.6.0 Lines are too long",
    "552 too large",
    "550 5.7.1 This message violates example.com email policy. - gcdp",
)

OTHER = (
    "421 4.3.2 Service shutting down",
    "421 4.7.0 Temporary System Problem. Try again later.",
    "421 Too many concurrent SMTP connections",
    "451 4.3.0 Mail server temporarily rejected message.",
    "451 Temporary service failure",
    "454 Throttling failure: Maximum sending rate exceeded",
    "452 4.5.3 Your message has too many recipients.",
    "500 Error: bad syntax",
    "503 Bad sequence of commands",
    "554 Transaction failed",
    "550 5.7.1 Command rejected",
    "250 2.0.0 Ok: queued as 3CB2B113CB6",
)

NOT_THE_ACCOUNT = RECIPIENT + SENDER + CONTENT + OTHER
