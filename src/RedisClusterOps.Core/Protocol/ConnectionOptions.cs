using System;

namespace RedisClusterOps.Protocol;

/// <summary>How to connect to any node of a cluster. Holds the password, shows it nowhere.</summary>
internal sealed record ConnectionOptions
{
    /// <summary>Name of the ACL user; null to log in with the password alone (requirepass), or not at all.</summary>
    public string? User { get; init; }

    /// <summary>Null to not log in.</summary>
    public string? Password { get; init; }

    /// <summary>Null for plain TCP.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>How long one TCP connect, TLS handshake and log-in may take together.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long the replies to one send may take, where the caller names no other time.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The most a server may send; more is a protocol error.</summary>
    public RespLimits Limits { get; init; } = new();

    /// <summary>Hides the record's own listing of its properties: one of them is the password.</summary>
    public override string ToString() => nameof(ConnectionOptions);
}

/// <summary>How TLS is spoken. The defaults verify the server against the machine's trusted roots.</summary>
internal sealed record TlsOptions
{
    /// <summary>A PFX or PEM file with the client's certificate; null to show none.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>A PEM file with its key; null where the certificate's file holds it.</summary>
    public string? CertificateKeyPath { get; init; }

    public string? CertificatePassword { get; init; }

    /// <summary>A PEM or DER file with the authorities to trust instead of the machine's.</summary>
    public string? CaCertificatePath { get; init; }

    /// <summary>Accept any certificate.</summary>
    public bool SkipCertificateCheck { get; init; }

    public override string ToString() => nameof(TlsOptions);
}

/// <summary>Bounds on one reply.</summary>
/// <remarks>A server's own bound on a bulk string is 512 MB (proto-max-bulk-len); a reply of a sane cluster is far below these.</remarks>
internal sealed record RespLimits
{
    /// <summary>Bytes of one string.</summary>
    public int MaxStringLength { get; init; } = 512 * 1024 * 1024;

    /// <summary>Bytes of one whole reply.</summary>
    public long MaxReplyLength { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Elements of one reply, those of arrays inside arrays included.</summary>
    public int MaxItems { get; init; } = 4 * 1024 * 1024;

    /// <summary>Arrays inside arrays.</summary>
    public int MaxDepth { get; init; } = 16;
}
