using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Linq.Expressions;
using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>Reads the certificate files that the TLS options name.</summary>
internal static class CertificateFiles
{
    private const string PemBegin = "-----BEGIN ";
    private const string CertificateBegin = "-----BEGIN CERTIFICATE-----";
    private const string CertificateEnd = "-----END CERTIFICATE-----";

    private const string ToPfx = "openssl pkcs12 -export -in cert.pem -inkey key.pem -out client.pfx";

    /// <summary>Reads the client certificate with its private key: a PFX file, or PEM files if the runtime can read their keys.</summary>
    /// <param name="path">A PFX or PEM file.</param>
    /// <param name="keyPath">A PEM file with the key; null if the key is in the same file.</param>
    /// <param name="password">The password of the PFX file or the key; null if there is none.</param>
    /// <exception cref="RedisOperationException">InvalidConnectionString: the file can't be read; the message says why.</exception>
    public static X509Certificate2 ReadClientCertificate(string path, string? keyPath, string? password) =>
        Read("client certificate", path, () => ReadClientCertificateFile(path, keyPath, password));

    /// <summary>Reads the certificates of the trusted authorities from a PEM or DER file.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: the file can't be read; the message says why.</exception>
    public static X509Certificate2Collection ReadAuthorities(string path) => Read("CA certificate", path, () => ReadAuthoritiesFile(path));

    private static X509Certificate2 ReadClientCertificateFile(string path, string? keyPath, string? password)
    {
        var isPem = Encoding.ASCII.GetString(File.ReadAllBytes(path)).Contains(PemBegin);
        if (!isPem && keyPath is not null)
            throw new CryptographicException("it is not a PEM file, and only a PEM file can have its key in a separate file");
        var certificate = isPem ? ReadPem(path, keyPath, password) : new X509Certificate2(path, password);
        return certificate.HasPrivateKey ? certificate : throw new CryptographicException("it contains no private key");
    }

    private static X509Certificate2 ReadPem(string path, string? keyPath, string? password)
    {
        // .NET Framework can't read PEM keys, and netstandard2.0 lacks the method that .NET 5 added. Hence the reflection.
        var read = typeof(X509Certificate2).GetMethod("CreateFromPemFile", [typeof(string), typeof(string)])
            ?? throw new CryptographicException("it is a PEM file, which this PowerShell can't read; make a PFX file with: " + ToPfx);
        try
        {
            using var pem = password is null
                ? (X509Certificate2)read.Invoke(null, [path, keyPath])!
                : ReadEncrypted()(path, password, keyPath);

            // TLS on Windows rejects a key that exists in memory only; a round trip through PFX stores it.
            return new X509Certificate2(pem.Export(X509ContentType.Pkcs12));
        }
        catch (TargetInvocationException failure) when (failure.InnerException is { } why)
        {
            throw new CryptographicException(why.Message, why);
        }
    }

    // CreateFromEncryptedPemFile takes the password as ReadOnlySpan<char>. netstandard2.0 has no such type, and reflection can't pass one.
    private static Func<string, string, string?, X509Certificate2> ReadEncrypted()
    {
        var method = typeof(X509Certificate2).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Single(candidate => candidate.Name == "CreateFromEncryptedPemFile");
        var path = Expression.Parameter(typeof(string));
        var password = Expression.Parameter(typeof(string));
        var keyPath = Expression.Parameter(typeof(string));
        var call = Expression.Call(method, path, Expression.Convert(password, method.GetParameters()[1].ParameterType), keyPath);
        return Expression.Lambda<Func<string, string, string?, X509Certificate2>>(call, path, password, keyPath).Compile();
    }

    private static X509Certificate2Collection ReadAuthoritiesFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var text = Encoding.ASCII.GetString(bytes);
        var authorities = new X509Certificate2Collection();
        if (bytes.Length > 0 && !text.Contains(PemBegin))
        {
            authorities.Add(new X509Certificate2(bytes));
            return authorities;
        }

        foreach (var der in CertificatesIn(text))
            authorities.Add(new X509Certificate2(der));
        return authorities.Count > 0 ? authorities : throw new CryptographicException("it contains no certificate");
    }

    private static IEnumerable<byte[]> CertificatesIn(string pem)
    {
        var end = 0;
        while (true)
        {
            var begin = pem.IndexOf(CertificateBegin, end, StringComparison.Ordinal);
            end = begin < 0 ? -1 : pem.IndexOf(CertificateEnd, begin, StringComparison.Ordinal);
            if (end < 0)
                yield break;
            begin += CertificateBegin.Length;
            yield return Convert.FromBase64String(pem.Substring(begin, end - begin));
        }
    }

    private static T Read<T>(string what, string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException
            or FormatException or ArgumentException or NotSupportedException)
        {
            throw new RedisOperationException(
                FailureCode.InvalidConnectionString,
                "The " + what + " " + path + " can't be read: " + failure.Message.TrimEnd('.') + ".",
                path,
                innerException: failure);
        }
    }
}
