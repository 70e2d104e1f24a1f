// nodemailer.cjs PORT: sends the message on standard input, with its sender
// and recipient from the environment, over STARTTLS; prints the last reply.
const nodemailer = require('nodemailer');

const [port] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  name: 'client.test.example',
  requireTLS: true,
  tls: { ca: require('fs').readFileSync(process.env.CA), servername: 'gw.test.example' },
});

const raw = require('fs').readFileSync(0);
transport
  .sendMail({ envelope: { from: process.env.SENDER, to: process.env.RECIPIENT }, raw })
  .then((sent) => console.log(sent.response))
  .catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
