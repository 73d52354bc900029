using System;

namespace RedisClusterOps.Protocol;

/// <summary>How to connect to the nodes of a cluster. Contains the password; no text of this type shows it.</summary>
internal sealed record ConnectionOptions
{
    /// <summary>The ACL user; null to log in with the password only (requirepass), or not to log in.</summary>
    public string? User { get; init; }

    /// <summary>The password; null not to log in.</summary>
    public string? Password { get; init; }

    /// <summary>The TLS settings; null for plain TCP.</summary>
    public TlsOptions? Tls { get; init; }

    /// <summary>The time limit for one TCP connect, TLS handshake and log-in together. The default is 5 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time limit for the replies to one send, unless the caller specifies another. The default is 30 s.</summary>
    public TimeSpan CommandTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The limits on a reply. A larger reply fails with ReplyTooLarge.</summary>
    public RespLimits Limits { get; init; } = new();

    /// <summary>Replaces the record's own text, which would show the password.</summary>
    public override string ToString() => nameof(ConnectionOptions);
}

/// <summary>Limits on one reply.</summary>
/// <remarks>A server's own limit on a bulk string is 512 MB (proto-max-bulk-len). Normal replies are far smaller.</remarks>
internal sealed record RespLimits
{
    /// <summary>The maximum size of one string, in bytes.</summary>
    public int MaxStringLength { get; init; } = 512 * 1024 * 1024;

    /// <summary>The maximum size of one whole reply, in bytes.</summary>
    public long MaxReplyLength { get; init; } = 1024L * 1024 * 1024;

    /// <summary>The maximum number of elements in one reply, including those of nested arrays.</summary>
    public int MaxItems { get; init; } = 4 * 1024 * 1024;

    /// <summary>The maximum depth of nested arrays.</summary>
    public int MaxDepth { get; init; } = 16;
}
