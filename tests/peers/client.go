// client.go PORT: sends the message on standard input, with its sender and
// recipient from the environment, over STARTTLS, by Go's net/smtp; prints the
// reply to the content.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/smtp"
	"os"
)

func main() {
	client := must(smtp.Dial("127.0.0.1:" + os.Args[1]))
	check(client.Hello("client.test.example"))
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(must(os.ReadFile(os.Getenv("CA"))))
	check(client.StartTLS(&tls.Config{RootCAs: authorities, ServerName: "gw.test.example"}))
	check(client.Mail(os.Getenv("SENDER")))
	check(client.Rcpt(os.Getenv("RECIPIENT")))

	// As client.Data does it, which keeps the reply to itself.
	id := must(client.Text.Cmd("DATA"))
	client.Text.StartResponse(id)
	_, _, err := client.Text.ReadResponse(354)
	client.Text.EndResponse(id)
	check(err)
	content := client.Text.DotWriter()
	must(io.Copy(content, os.Stdin))
	check(content.Close())
	_, text, err := client.Text.ReadResponse(250)
	check(err)
	check(client.Quit())
	fmt.Println(text)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}
