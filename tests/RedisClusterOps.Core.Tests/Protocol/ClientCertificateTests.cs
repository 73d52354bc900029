using System;
using System.IO;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;
using static RedisClusterOps.Core.Tests.Protocol.TlsTests;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>The certificate that a client presents: its files, its key, and what is wrong with them.</summary>
public sealed class ClientCertificateTests : IDisposable
{
    private readonly TestAuthority _authority = new();

    public void Dispose() => _authority.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData("pfx-secret")]
    public async Task The_client_presents_its_certificate(string? password)
    {
        using var certificate = _authority.Issue();
        using var own = _authority.Issue(otherName: "operator");
        X509Certificate2? presented = null;
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n", (_, client, _, _) =>
        {
            presented = client is null ? null : new X509Certificate2(client);
            return client is not null;
        });

        using var connection = await ConnectAsync(node, new TlsOptions
        {
            CaCertificatePath = _authority.PemFile,
            CertificatePath = _authority.PfxFile(own, password),
            CertificatePassword = password,
        });

        Assert.Equal(own.Thumbprint, presented?.Thumbprint);
        presented?.Dispose();
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(true, "key-secret")]
    public async Task The_client_certificate_may_be_PEM_with_the_key_in_the_same_or_a_separate_file(bool hasSeparateKey, string? password)
    {
        using var certificate = _authority.Issue();
        using var own = _authority.Issue(otherName: "operator", exportable: true);
        X509Certificate2? presented = null;
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n", (_, client, _, _) =>
        {
            presented = client is null ? null : new X509Certificate2(client);
            return client is not null;
        });
        using var key = own.GetECDsaPrivateKey()!;
        var keyText = password is null
            ? key.ExportPkcs8PrivateKeyPem()
            : key.ExportEncryptedPkcs8PrivateKeyPem(password,
                new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));

        using var connection = await ConnectAsync(node, new TlsOptions
        {
            CaCertificatePath = _authority.PemFile,
            CertificatePath = _authority.Write("own.pem", path =>
                File.WriteAllText(path, own.ExportCertificatePem() + "\n" + (hasSeparateKey ? string.Empty : keyText))),
            CertificateKeyPath = hasSeparateKey ? _authority.Write("own.key", path => File.WriteAllText(path, keyText)) : null,
            CertificatePassword = password,
        });

        Assert.Equal(own.Thumbprint, presented?.Thumbprint);
        presented?.Dispose();
    }

    [Fact]
    public void A_PEM_file_without_a_key_and_a_PFX_file_with_a_separate_key_are_rejected()
    {
        using var own = _authority.Issue(otherName: "operator", exportable: true);
        var pem = _authority.Write("own.pem", path => File.WriteAllText(path, own.ExportCertificatePem()));
        AssertUnreadable(new TlsOptions { CertificatePath = pem }, pem, "can't be read");
        var pfx = _authority.PfxFile(own, null);
        AssertUnreadable(new TlsOptions { CertificatePath = pfx, CertificateKeyPath = pem }, pfx,
            "only a PEM file can have its key in a separate file");
    }

    [Fact]
    public async Task A_client_without_the_required_certificate_gets_a_hint()
    {
        using var certificate = _authority.Issue();
        await using var node = FakeNode.WithTls(certificate, _ => "+OK\r\n", (_, client, _, _) => client is not null);

        var failure = await Assert.ThrowsAsync<RedisConnectionException>(
            () => ConnectAsync(node, new TlsOptions { CaCertificatePath = _authority.PemFile }));

        Assert.Equal(FailureCode.ConnectionFailed, failure.Code);
        Assert.StartsWith($"{node.Endpoint} did not answer CLIENT SETNAME {NodeConnector.ConnectionName}: ", failure.Message);
        Assert.EndsWith("If it requires a client certificate, present one.", failure.Message);
    }

    [Theory]
    [InlineData("no-such-file.pfx", null, "no-such-file.pfx can't be read")]
    [InlineData("client.pem", "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n", "client.pem can't be read")]
    [InlineData("client.pfx", "no certificate at all", "client.pfx can't be read")]
    [InlineData("client.pfx", "", "client.pfx can't be read")]
    public void An_unusable_client_certificate_is_rejected_before_any_connection_is_made(string name, string? content, string reason)
    {
        var path = _authority.Write(name, file =>
        {
            if (content is not null)
                File.WriteAllText(file, content);
        });

        AssertUnreadable(new TlsOptions { CertificatePath = path, CertificatePassword = "pfx-secret" }, path, reason);
    }

    [Fact]
    public void A_wrong_certificate_password_is_rejected_and_not_shown()
    {
        using var own = _authority.Issue();
        var path = _authority.PfxFile(own, "right");

        AssertUnreadable(new TlsOptions { CertificatePath = path, CertificatePassword = "pfx-secret" }, path, "can't be read");
    }

    [Fact]
    public void A_certificate_without_a_key_is_not_a_client_certificate()
    {
        var path = _authority.DerFile;

        AssertUnreadable(new TlsOptions { CertificatePath = path }, path, "contains no private key");
    }
}
