using System;
using System.IO;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>A certificate authority for one test, and a certificate for loopback that it signed. The files go with it.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-tls-");

    public TestAuthority()
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        using var caKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var caRequest = new CertificateRequest("CN=RedisClusterOps test authority " + _folder.Name, caKey, HashAlgorithmName.SHA256);
        caRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        caRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        using var ca = caRequest.CreateSelfSigned(from, to);

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(ca, from, to, RandomNumberGenerator.GetBytes(8));

        Write("ca.pem", ca.ExportCertificatePem());
        Write("server.pem", certificate.ExportCertificatePem());
        Write("server.key", key.ExportPkcs8PrivateKeyPem());

        using var ownKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=operator", ownKey, HashAlgorithmName.SHA256).Create(ca, from, to, RandomNumberGenerator.GetBytes(8));
        using var pair = own.CopyWithPrivateKey(ownKey);
        File.WriteAllBytes(ClientPfxPath, pair.Export(X509ContentType.Pfx, ClientPassword));
        Write("client.pem", own.ExportCertificatePem());
        Write("client.key", ownKey.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Of the client's PFX file.</summary>
    public const string ClientPassword = "Schluessel-45";

    /// <summary>A client's certificate and key.</summary>
    public string ClientPfxPath => PathOf("client.pfx");

    public string ClientPemPath => PathOf("client.pem");

    public string ClientKeyPath => PathOf("client.key");

    public string CaPath => PathOf("ca.pem");

    public LocalTls ServerFiles => new(PathOf("server.pem"), PathOf("server.key"), CaPath);

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private void Write(string name, string pem) => File.WriteAllText(PathOf(name), pem + "\n");
}
