// An SMTP relay by the package smtp-server: `node relay.cjs MODULES OPTIONS`. It prints its port, then what happens,
// one JSON object a line, and ends with its standard input. A sender such as rcpt.452@… is refused at that stage.
const { SMTPServer } = require(`${process.argv[2]}/smtp-server`);
const { username, password, token, ...options } = JSON.parse(process.argv[3]);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const answer = (stage, sender, done, value) => {
  const [where, code] = sender.split('@')[0].split('.');
  if (where !== stage) return done(null, value);
  return done(Object.assign(new Error(`refused at ${stage}`), { responseCode: Number(code) }));
};
const server = new SMTPServer({
  ...options, disableReverseLookup: true, logger: false,
  onAuth(auth, session, done) {
    const good = auth.username === username && (auth.method === 'XOAUTH2' ? auth.accessToken === token
      : auth.method === 'CRAM-MD5' ? auth.validatePassword(password) : auth.password === password);
    tell({ event: 'auth', method: auth.method, good, secure: session.secure, id: session.id });
    if (good) return done(null, { user: username });
    if (auth.method === 'XOAUTH2') return done(null, { data: { status: '401', schemes: 'bearer' } });
    return done(new Error('Authentication failed'));
  },
  onMailFrom({ address, args }, session, done) {
    tell({ event: 'mail', address, args, id: session.id });
    answer('mail', address, done);
  },
  onRcptTo({ address }, session, done) {
    tell({ event: 'rcpt', address });
    answer('rcpt', session.envelope.mailFrom.address, done);
  },
  onData(stream, session, done) {
    const parts = [];
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => {
      tell({ event: 'data', message: Buffer.concat(parts).toString('base64'), id: session.id });
      answer('data', session.envelope.mailFrom.address, done, 'Ok: queued as peer-1');
    });
  },
});
server.on('error', (error) => tell({ event: 'error', text: error.message }));
server.listen(0, '127.0.0.1', () => tell({ port: server.server.address().port }));
process.stdin.on('end', () => process.exit(0)).resume();
