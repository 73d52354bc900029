using System;
using System.IO;
using System.Linq;
using System.Linq.Expressions;
using System.Reflection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace RedisClusterOps.Protocol;

/// <summary>The certificate that shows who we are: a PFX file everywhere, PEM files where the runtime can read their keys.</summary>
internal static class ClientCertificate
{
    public const string PemBegin = "-----BEGIN ";

    private const string ToPfx = "openssl pkcs12 -export -in cert.pem -inkey key.pem -out client.pfx";

    /// <param name="path">PFX, or PEM.</param>
    /// <param name="keyPath">PEM file with the key; null where it is in the same file.</param>
    /// <param name="password">Of the PFX, or of the key; null for none.</param>
    /// <exception cref="CryptographicException">It can't be read; the message says why, and what to do.</exception>
    public static X509Certificate2 Read(string path, string? keyPath, string? password)
    {
        var isPem = Encoding.ASCII.GetString(File.ReadAllBytes(path)).Contains(PemBegin);
        if (!isPem && keyPath is not null)
            throw new CryptographicException("it is no PEM file, so it holds its key itself and takes no key file beside it");
        var certificate = isPem ? ReadPem(path, keyPath, password) : new X509Certificate2(path, password);
        return certificate.HasPrivateKey ? certificate : throw new CryptographicException("it holds no private key");
    }

    private static X509Certificate2 ReadPem(string path, string? keyPath, string? password)
    {
        // .NET Framework has no reader for keys in PEM, and netstandard2.0 does not know the one that .NET 5 and later have.
        var read = typeof(X509Certificate2).GetMethod("CreateFromPemFile", [typeof(string), typeof(string)])
            ?? throw new CryptographicException("it is a PEM file, which this PowerShell can't read; make a PFX file with: " + ToPfx);
        try
        {
            using var pem = password is null
                ? (X509Certificate2)read.Invoke(null, [path, keyPath])!
                : ReadEncrypted()(path, password, keyPath);
            // By way of PFX: Windows' TLS does not take a key that lives in memory only.
            return new X509Certificate2(pem.Export(X509ContentType.Pkcs12));
        }
        catch (TargetInvocationException failure) when (failure.InnerException is { } why)
        {
            throw new CryptographicException(why.Message, why);
        }
    }

    // CreateFromEncryptedPemFile takes the password as a span of characters, which netstandard2.0 can neither write nor hand over by reflection.
    private static Func<string, string, string?, X509Certificate2> ReadEncrypted()
    {
        var method = typeof(X509Certificate2).GetMethods(BindingFlags.Public | BindingFlags.Static).Single(known => known.Name == "CreateFromEncryptedPemFile");
        var (path, password, keyPath) = (Expression.Parameter(typeof(string)), Expression.Parameter(typeof(string)), Expression.Parameter(typeof(string)));
        var call = Expression.Call(method, path, Expression.Convert(password, method.GetParameters()[1].ParameterType), keyPath);
        return Expression.Lambda<Func<string, string, string?, X509Certificate2>>(call, path, password, keyPath).Compile();
    }
}
