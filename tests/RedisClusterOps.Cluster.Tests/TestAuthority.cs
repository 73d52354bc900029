using System;
using System.IO;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>A certificate authority for one test, with a signed certificate for loopback. Disposing deletes the files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-tls-");

    /// <param name="rsa">RSA keys; by default the keys are of the curve P-256, which is faster.</param>
    public TestAuthority(bool rsa = false)
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        using var caKey = NewKey(rsa);
        var caRequest = Request("CN=RedisClusterOps test authority " + _folder.Name, caKey);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        caRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var ca = caRequest.CreateSelfSigned(from, to);

        using var key = NewKey(rsa);
        var request = Request("CN=localhost", key);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(ca, from, to, RandomNumberGenerator.GetBytes(8));

        Write("ca.pem", ca.ExportCertificatePem());
        Write("server.pem", certificate.ExportCertificatePem());
        Write("server.key", key.ExportPkcs8PrivateKeyPem());

        using var ownKey = NewKey(rsa);
        using var own = Request("CN=operator", ownKey).Create(ca, from, to, RandomNumberGenerator.GetBytes(8));
        using var pair = ownKey is RSA ownRsa ? own.CopyWithPrivateKey(ownRsa) : own.CopyWithPrivateKey((ECDsa)ownKey);
        // The encryption that every reader of PFX files knows. Older ones, Mono's among them, don't know AES.
        File.WriteAllBytes(ClientPfxPath, pair.ExportPkcs12(Pkcs12ExportPbeParameters.Pkcs12TripleDesSha1, ClientPassword));
        Write("client.pem", own.ExportCertificatePem());
        Write("client.key", ownKey.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>The password of the client's PFX file.</summary>
    public const string ClientPassword = "Schluessel-45";

    /// <summary>A client's certificate and key.</summary>
    public string ClientPfxPath => PathOf("client.pfx");

    public string ClientPemPath => PathOf("client.pem");

    public string ClientKeyPath => PathOf("client.key");

    public string CaPath => PathOf("ca.pem");

    public LocalTls ServerFiles => new(PathOf("server.pem"), PathOf("server.key"), CaPath);

    public void Dispose() => _folder.Delete(recursive: true);

    private static AsymmetricAlgorithm NewKey(bool rsa) => rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CertificateRequest Request(string name, AsymmetricAlgorithm key) => key is RSA rsa
        ? new CertificateRequest(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        : new CertificateRequest(name, (ECDsa)key, HashAlgorithmName.SHA256);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private void Write(string name, string pem) => File.WriteAllText(PathOf(name), pem + "\n");
}
