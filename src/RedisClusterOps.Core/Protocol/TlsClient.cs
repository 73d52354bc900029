using System;
using System.IO;
using System.Linq;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Tasks;

namespace RedisClusterOps.Protocol;

/// <summary>The TLS handshake failed. The message says what is wrong with the server's certificate, if that is the cause.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="next">What to do next.</param>
/// <param name="isAnswer">True if the server presented a certificate, so a node answers there.</param>
/// <param name="cause">The framework's exception.</param>
internal sealed class HandshakeException(string message, NextAction? next, bool isAnswer, Exception cause)
    : AuthenticationException(message, cause)
{
    public NextAction? Next { get; } = next;

    public bool IsAnswer { get; } = isAnswer;
}

/// <summary>
/// The client side of TLS: verifies the server's certificate and presents the client's. By default the operating system chooses the
/// protocol version.
/// </summary>
internal sealed class TlsClient
{
    private const string OtherName = "the server's certificate is for another name";
    private const string NotValidNow = "the server's certificate has expired or is not valid yet";
    private const string Untrusted = "this machine does not trust the server's certificate";
    private const string NotFromAuthority = "the server's certificate is not from the CA in ";

    private readonly TlsOptions _options;
    private readonly X509Certificate2Collection _clientCertificates = [];
    private readonly X509Certificate2Collection? _authorities;

    /// <summary>Reads the files that the options name.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString: a file can't be read.</exception>
    public TlsClient(TlsOptions options)
    {
        _options = options;
        if (options.CertificatePath is { } path)
            _clientCertificates.Add(CertificateFiles.ReadClientCertificate(path, options.CertificateKeyPath, options.CertificatePassword));
        if (options.CaCertificatePath is not null)
            _authorities = CertificateFiles.ReadAuthorities(options.CaCertificatePath);
    }

    /// <summary>Makes a TLS stream over the plain one. Closing the underlying socket ends the attempt.</summary>
    /// <exception cref="HandshakeException">The handshake failed; the message says what is wrong.</exception>
    public async Task<Stream> HandshakeAsync(Stream plain, string host)
    {
        string? objection = null;
        var tls = new SslStream(
            plain,
            leaveInnerStreamOpen: false,
            (_, certificate, chain, errors) => (objection = ObjectionTo(certificate, chain, errors)) is null,
            (_, _, _, _, _) => _clientCertificates.Count > 0 ? _clientCertificates[0] : null!);
        try
        {
            var name = _options.ServerName ?? host;
            await tls.AuthenticateAsClientAsync(name, _clientCertificates, _options.Protocols, _options.CheckRevocation)
                .ConfigureAwait(false);
            return tls;
        }
        catch (Exception failure)
        {
            tls.Dispose();
            var reason = objection ?? ConnectionFailure.TextOf(failure).TrimEnd('.') + " (perhaps the port does not speak TLS)";
            throw new HandshakeException("the TLS handshake failed: " + reason, NextAfter(objection), objection is not null, failure);
        }
    }

    /// <summary>What is wrong with the server's certificate; null if it is accepted.</summary>
    internal string? ObjectionTo(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (_options.SkipCertificateCheck)
            return null;
        if (certificate is null || chain is null || (errors & SslPolicyErrors.RemoteCertificateNotAvailable) != 0)
            return "the server presents no certificate";
        if ((errors & SslPolicyErrors.RemoteCertificateNameMismatch) != 0)
            return OtherName + " (" + NamesOf(certificate) + ")";
        if (_authorities is not null)
            return ObjectionByAuthorities(certificate, chain, _authorities);
        return errors == SslPolicyErrors.None ? null : OutOfDate(chain) ?? Untrusted;
    }

    // Skipping the certificate check is never suggested: that is the user's decision.
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

    // netstandard2.0 has no custom trust store. So the chain may end in an authority that the machine does not know, if everything else
    // is valid (signatures, dates, usage) and the chain contains one of the configured authorities.
    private string? ObjectionByAuthorities(X509Certificate certificate, X509Chain presented, X509Certificate2Collection authorities)
    {
        using var leaf = new X509Certificate2(certificate);
        using var chain = new X509Chain();
        chain.ChainPolicy.RevocationMode = _options.CheckRevocation ? X509RevocationMode.Online : X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.AllowUnknownCertificateAuthority;
        chain.ChainPolicy.ExtraStore.AddRange(authorities);
        foreach (var element in presented.ChainElements)
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        var isValid = chain.Build(leaf);
        foreach (var element in chain.ChainElements)
        {
            if (isValid && Contains(authorities, element.Certificate))
                return null;
        }

        return OutOfDate(chain) ?? NotFromAuthority + _options.CaCertificatePath;
    }

    // Compares all bytes: the framework compares only issuer and serial number, and a forger can choose both.
    private static bool Contains(X509Certificate2Collection authorities, X509Certificate2 certificate)
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
}
