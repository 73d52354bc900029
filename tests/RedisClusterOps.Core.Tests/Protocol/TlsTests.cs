using System;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Security.Authentication;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

public sealed class TlsTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Fact]
    public async Task A_server_is_trusted_if_its_authority_is_in_the_PEM_or_DER_file()
    {
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        foreach (var file in new[] { _authority.PemFile, _authority.DerFile })
        {
            using var connection = await ConnectAsync(node, new TlsOptions { CaCertificatePath = file });
            Assert.Equal("OK", (await connection.AskAsync(RespCommand.Of("PING"), CancellationToken.None)).Text);
        }
    }

    [Fact]
    public async Task A_certificate_must_have_the_server_name_if_one_is_specified()
    {
        using var certificate = _authority.Issue("localhost");
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");
        var options = new TlsOptions { CaCertificatePath = _authority.PemFile, Protocols = SslProtocols.Tls12 };
        using var connection = await ConnectAsync(node, options with { ServerName = "localhost" });
        Assert.True(connection.IsUsable);
        await AssertRefusedAsync(node, options with { ServerName = "other.example" }, "the server's certificate is for another name");
    }

    [Fact]
    public async Task One_authority_of_several_in_the_file_is_enough()
    {
        using var other = new TestAuthority();
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");
        var file = _authority.Write("both.pem", path =>
            File.WriteAllText(path, File.ReadAllText(other.PemFile) + File.ReadAllText(_authority.PemFile)));

        using var connection = await ConnectAsync(node, new TlsOptions { CaCertificatePath = file });

        Assert.True(connection.IsUsable);
    }

    [Fact]
    public async Task A_server_of_another_authority_is_rejected()
    {
        using var other = new TestAuthority();
        using var certificate = other.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");
        var file = _authority.PemFile;

        var reason = "the server's certificate is not from the CA in " + file;
        await AssertRefusedAsync(node, new TlsOptions { CaCertificatePath = file }, reason);
        Assert.Empty(node.Commands);
    }

    [Fact]
    public void A_forged_authority_with_the_same_name_and_serial_number_is_rejected()
    {
        using var ours = new TestAuthority("Our authority");
        using var theirs = new TestAuthority("Our authority");
        var client = new TlsClient(new TlsOptions { CaCertificatePath = ours.PemFile });

        Assert.Equal(ours.Certificate, theirs.Certificate); // as the framework compares them
        Assert.Contains("is not from the CA in", ObjectionTo(client, theirs, shown: theirs));
        Assert.Contains("is not from the CA in", ObjectionTo(client, theirs, shown: ours));
        Assert.Null(ObjectionTo(client, ours, shown: theirs));
        Assert.Null(ObjectionTo(client, ours, shown: ours));
    }

    [Fact]
    public void An_intermediate_authority_that_the_server_presents_completes_the_chain()
    {
        using var intermediate = new TestAuthority(parent: _authority);
        var client = new TlsClient(new TlsOptions { CaCertificatePath = _authority.PemFile });

        Assert.Null(ObjectionTo(client, intermediate, shown: intermediate));
    }

    [Fact]
    public void An_intermediate_authority_may_be_the_trusted_one()
    {
        using var intermediate = new TestAuthority(parent: _authority);
        using var sibling = new TestAuthority(parent: _authority);
        var client = new TlsClient(new TlsOptions { CaCertificatePath = intermediate.PemFile });

        Assert.Null(ObjectionTo(client, intermediate, shown: _authority));
        Assert.Contains("is not from the CA in", ObjectionTo(client, sibling, shown: _authority));
    }

    [Fact]
    public async Task By_default_a_server_that_the_machine_does_not_trust_is_rejected()
    {
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        await AssertRefusedAsync(node, new TlsOptions(), "this machine does not trust the server's certificate");
        Assert.Empty(node.Commands);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_rejected()
    {
        using var certificate = _authority.Issue(otherName: "elsewhere.example");
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        await AssertRefusedAsync(node, new TlsOptions { CaCertificatePath = _authority.PemFile },
            "the server's certificate is for another name");
    }

    [Fact]
    public async Task An_expired_certificate_is_rejected()
    {
        using var certificate = _authority.Issue(daysLeft: -1);
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        await AssertRefusedAsync(node, new TlsOptions { CaCertificatePath = _authority.PemFile }, "the server's certificate has expired");
    }

    [Fact]
    public async Task Any_certificate_is_accepted_if_the_check_is_skipped()
    {
        using var certificate = _authority.Issue(otherName: "elsewhere.example", daysLeft: -1);
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        using var connection = await ConnectAsync(node, new TlsOptions { SkipCertificateCheck = true });

        Assert.True(connection.IsUsable);
    }

    [Fact]
    public async Task TLS_to_a_plain_port_fails_with_a_reason()
    {
        await using var node = FakeNode.Running(session => session.SendAsync("-ERR Protocol error: expected '$', got ' '\r\n"));

        await AssertRefusedAsync(node, new TlsOptions(), "the TLS handshake failed");
    }

    [Fact]
    public async Task A_plain_connection_to_a_TLS_port_gets_the_hint_to_use_TLS()
    {
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n");

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => new NodeConnector(new ConnectionOptions()).ConnectAsync(node.Endpoint, CancellationToken.None));

        Assert.Contains("connect by TLS", failure.Message);
    }

    [Fact]
    public async Task Cancelling_ends_a_read_through_TLS()
    {
        using var cancellation = new CancellationTokenSource();
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, command =>
        {
            if (command == "PING")
                cancellation.Cancel();
            return command == "PING" ? "$100\r\nhalf" : "+OK\r\n";
        });
        using var connection = await ConnectAsync(node, new TlsOptions { CaCertificatePath = _authority.PemFile });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => connection.AskAsync(RespCommand.Of("PING"), cancellation.Token).WaitAsync(TimeSpan.FromSeconds(5)));

        Assert.False(connection.IsUsable);
    }

    [Fact]
    public async Task A_large_pipeline_works_through_TLS()
    {
        var value = new string('v', 10_000);
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => $"${value.Length}\r\n{value}\r\n");
        using var connection = await ConnectAsync(node, new TlsOptions { CaCertificatePath = _authority.PemFile });

        var replies = await connection.SendAsync(
            [.. Enumerable.Repeat(RespCommand.Of("ECHO", value), 500)], TimeSpan.FromSeconds(30), CancellationToken.None);

        Assert.All(replies, reply => Assert.Equal(value.Length, reply.Bytes.Length));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void A_CA_file_without_a_certificate_is_rejected_before_any_connection_is_made(string? content)
    {
        var path = _authority.Write("odd.pem", file =>
        {
            if (content is not null)
                File.WriteAllText(file, content);
        });

        AssertUnreadable(new TlsOptions { CaCertificatePath = path }, path, "The CA certificate " + path + " can't be read");
    }

    private static string? ObjectionTo(TlsClient client, TestAuthority issuer, TestAuthority shown)
    {
        using var certificate = issuer.Issue();
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ExtraStore.Add(shown.Certificate);
        chain.Build(certificate);
        return client.ObjectionTo(certificate, chain, SslPolicyErrors.RemoteCertificateChainErrors);
    }

    internal static Task<INodeConnection> ConnectAsync(FakeNode node, TlsOptions tls) =>
        new NodeConnector(new ConnectionOptions { Tls = tls }).ConnectAsync(node.Endpoint, CancellationToken.None);

    internal static async Task AssertRefusedAsync(FakeNode node, TlsOptions tls, string reason)
    {
        var failure = await Assert.ThrowsAsync<RedisConnectionException>(() => ConnectAsync(node, tls));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.StartsWith($"Cannot connect to {node.Endpoint}: the TLS handshake failed: ", failure.Message);
        Assert.Contains(reason, failure.Message);
        Assert.False(failure.OutcomeUnknown);
    }

    internal static void AssertUnreadable(TlsOptions tls, string path, string reason)
    {
        var failure = Assert.Throws<RedisOperationException>(() => new NodeConnector(new ConnectionOptions { Tls = tls }));

        Assert.Equal(FailureCode.InvalidConnectionString, failure.Code);
        Assert.Equal(path, failure.Subject);
        Assert.Contains(reason, failure.Message);
        Assert.DoesNotContain("pfx-secret", failure.ToString());
    }
}
