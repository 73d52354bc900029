using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>The client's side of TLS: whom it trusts and how it shows who it is. The operating system chooses the version.</summary>
internal sealed class TlsClient
{
    private const string CertificateBegin = "-----BEGIN CERTIFICATE-----";
    private const string CertificateEnd = "-----END CERTIFICATE-----";

    private const string OtherName = "the server's certificate is for another name";
    private const string NotValidNow = "the server's certificate has run out, or is not valid yet";
    private const string Untrusted = "this machine does not trust the server's certificate";
    private const string NotFromAuthority = "the server's certificate is not from the CA in ";

    private readonly TlsOptions _options;
    private readonly X509Certificate2Collection _own = [];
    private readonly X509Certificate2Collection? _authorities;

    /// <summary>Reads the files that the options name.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a file can't be read.</exception>
    public TlsClient(TlsOptions options)
    {
        _options = options;
        if (options.CertificatePath is not null)
            _own.Add(Read("client certificate", options.CertificatePath, path => ClientCertificate.Read(path, options.CertificateKeyPath, options.CertificatePassword)));
        if (options.CaCertificatePath is not null)
            _authorities = Read("CA certificate", options.CaCertificatePath, ReadAuthorities);
    }

    /// <summary>Speaks TLS over the stream; closing what lies under it ends the attempt.</summary>
    /// <exception cref="HandshakeException">Its message says what is wrong with the certificate.</exception>
    public async Task<Stream> HandshakeAsync(Stream plain, string host)
    {
        string? objection = null;
        var tls = new SslStream(
            plain,
            leaveInnerStreamOpen: false,
            (_, certificate, chain, errors) => (objection = ObjectionTo(certificate, chain, errors)) is null,
            (_, _, _, _, _) => _own.Count > 0 ? _own[0] : null!);
        try
        {
            await tls.AuthenticateAsClientAsync(host, _own, SslProtocols.None, checkCertificateRevocation: false).ConfigureAwait(false);
            return tls;
        }
        catch (Exception failure)
        {
            tls.Dispose();
            throw new HandshakeException(
                "the TLS handshake failed: " + (objection ?? ConnectionFailure.TextOf(failure).TrimEnd('.') + " (perhaps the port does not speak TLS)"), NextAfter(objection), failure);
        }
    }

    /// <summary>What is wrong with the server's certificate; null where nothing is.</summary>
    internal string? ObjectionTo(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_options.SkipCertificateCheck)
            return null;
        if (certificate is null || chain is null || (errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
            return "the server shows no certificate";
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return OtherName + " (" + NamesOf(certificate) + ")";
        if (_authorities is not null)
            return ObjectionOfOwnAuthority(certificate, chain, _authorities);
        return errors == SslPolicyErrors.None ? null : OutOfDate(chain) ?? Untrusted;
    }

    // Never to skip the check: that is for a person to think of.
    private static NextAction NextAfter(string? objection) => objection switch
    {
        NotValidNow =>
            new NextAction(NextActionCode.Advice) { Note = "CONFIG SET tls-cert-file <a certificate that is valid now> on that node" },
        not null when objection.StartsWith(OtherName, StringComparison.Ordinal) =>
            new NextAction(NextActionCode.Connect) { Node = "<a name or address that the certificate is for>" },
        not null when objection == Untrusted || objection.StartsWith(NotFromAuthority, StringComparison.Ordinal) =>
            new NextAction(NextActionCode.Connect) { Options = NextActionOptions.CaCertificate },
        _ => new NextAction(NextActionCode.Connect) { Node = "<host:port that speaks TLS>" },
    };

    // netstandard2.0 knows no custom trust store. So the chain may end in an authority unknown to the machine, as long as everything
    // else about it is right (signatures, dates, usage) and one of the given authorities is in it.
    private string? ObjectionOfOwnAuthority(X509Certificate certificate, X509Chain shown, X509Certificate2Collection authorities)
    {
        using var leaf = new X509Certificate2(certificate);
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ExtraStore.AddRange(authorities);
        foreach (var element in shown.ChainElements)
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        var isGood = chain.Build(leaf);
        foreach (var element in chain.ChainElements)
        {
            if (isGood && Holds(authorities, element.Certificate))
                return null;
        }

        return OutOfDate(chain) ?? NotFromAuthority + _options.CaCertificatePath;
    }

    // Byte for byte: the framework's own comparison looks at issuer and serial number, and whoever forges an authority chooses both.
    private static bool Holds(X509Certificate2Collection authorities, X509Certificate2 certificate)
    {
        foreach (var authority in authorities)
        {
            if (authority.RawData.SequenceEqual(certificate.RawData))
                return true;
        }

        return false;
    }

    private static string NamesOf(X509Certificate certificate)
    {
        const string AlternativeNames = "2.5.29.17";
        using var whole = new X509Certificate2(certificate);
        return Printable.Clean(whole.Extensions[AlternativeNames]?.Format(multiLine: false) ?? whole.Subject, 200);
    }

    private static string? OutOfDate(X509Chain chain)
    {
        foreach (var status in chain.ChainStatus)
        {
            if ((status.Status & X509ChainStatusFlags.NotTimeValid) != 0)
                return NotValidNow;
        }

        return null;
    }

    private static X509Certificate2Collection ReadAuthorities(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var text = Encoding.ASCII.GetString(bytes);
        var authorities = new X509Certificate2Collection();
        if (bytes.Length > 0 && !text.Contains(ClientCertificate.PemBegin))
        {
            authorities.Add(new X509Certificate2(bytes));
            return authorities;
        }

        foreach (var der in CertificatesIn(text))
            authorities.Add(new X509Certificate2(der));
        return authorities.Count > 0 ? authorities : throw new CryptographicException("it holds no certificate");
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

    private static T Read<T>(string what, string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception failure) when (failure
            is IOException or UnauthorizedAccessException or CryptographicException or FormatException or ArgumentException or NotSupportedException)
        {
            throw new RedisOperationException(
                FailureCode.InvalidConnectionString,
                "The " + what + " " + path + " can't be read: " + failure.Message.TrimEnd('.') + ".",
                path,
                innerException: failure);
        }
    }
}
