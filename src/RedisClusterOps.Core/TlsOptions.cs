using System.Security.Authentication;

namespace RedisClusterOps;

/// <summary>The TLS settings. By default, the server is verified against the machine's trusted roots.</summary>
public sealed record TlsOptions
{
    /// <summary>A PFX or PEM file with the client certificate; null to present none.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>A PEM file with the key of the client certificate; null if the certificate file contains it.</summary>
    public string? CertificateKeyPath { get; init; }

    /// <summary>The password of the PFX file or the key; null if there is none.</summary>
    public string? CertificatePassword { get; init; }

    /// <summary>A PEM or DER file with the authorities to trust instead of the machine's.</summary>
    public string? CaCertificatePath { get; init; }

    /// <summary>The name that every server's certificate must have; null for the host that is dialled.</summary>
    public string? ServerName { get; init; }

    /// <summary>The protocol versions; None for those that the operating system chooses.</summary>
    public SslProtocols Protocols { get; init; }

    /// <summary>True to ask the certificate's authority whether it was revoked.</summary>
    public bool CheckRevocation { get; init; }

    /// <summary>True to accept any server certificate. An impostor could then receive the password.</summary>
    public bool SkipCertificateCheck { get; init; }

    /// <summary>Replaces the record's own text, which would show the password.</summary>
    public override string ToString() => nameof(TlsOptions);
}
