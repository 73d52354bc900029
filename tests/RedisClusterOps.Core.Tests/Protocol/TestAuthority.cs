using System;
using System.IO;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>A certificate authority for tests, with a folder for its files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("redisclusterops-tls-");

    public TestAuthority(string? name = null, TestAuthority? parent = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedName("CN=" + (name ?? "Test authority " + Guid.NewGuid()));
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));

        // Always the same serial number, as a forged authority would have.
        using var bare = request.Create(
            parent is null ? subject : parent.Certificate.SubjectName,
            parent is null ? X509SignatureGenerator.CreateForECDsa(key)
                : X509SignatureGenerator.CreateForECDsa(parent.Certificate.GetECDsaPrivateKey()!),
            DateTimeOffset.UtcNow.AddDays(-2),
            DateTimeOffset.UtcNow.AddDays(2),
            [1, 2, 3]);
        Certificate = bare.CopyWithPrivateKey(key);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>The authority as a PEM file.</summary>
    public string PemFile => Write("ca.pem", path => File.WriteAllText(path, "# a comment\n" + Certificate.ExportCertificatePem() + "\n"));

    /// <summary>The authority as a DER file.</summary>
    public string DerFile => Write("ca.der", path => File.WriteAllBytes(path, Certificate.Export(X509ContentType.Cert)));

    public void Dispose()
    {
        Certificate.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>Issues a certificate with its key, by default for 127.0.0.1.</summary>
    public X509Certificate2 Issue(string? otherName = null, int daysLeft = 1, bool exportable = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (otherName is null)
            names.AddIpAddress(IPAddress.Loopback);
        else
            names.AddDnsName(otherName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        using var bare = request.Create(Certificate, DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(daysLeft),
            RandomNumberGenerator.GetBytes(8));
        using var certificate = bare.CopyWithPrivateKey(key);

        // TLS on Windows rejects a key that exists in memory only; a round trip through PFX stores it.
        var storage = exportable ? X509KeyStorageFlags.Exportable : X509KeyStorageFlags.DefaultKeySet;
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null, storage);
    }

    public string PfxFile(X509Certificate2 certificate, string? password) =>
        Write("client.pfx", path => File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx, password)));

    public string Write(string name, Action<string> write)
    {
        var path = Path.Combine(_folder.FullName, name);
        write(path);
        return path;
    }
}
