using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>The access control of a cluster.</summary>
public enum Guard
{
    /// <summary>requirepass.</summary>
    Password,

    /// <summary>An ACL user; the default user is off.</summary>
    Acl,

    /// <summary>Only a TLS port.</summary>
    Tls,

    /// <summary>Only a TLS port, and clients need a certificate.</summary>
    MutualTls,
}

/// <summary>A cluster with access control, and the options to connect to it.</summary>
internal sealed class GuardedCluster : IDisposable
{
    public const string User = "operator";
    public const string Password = "Geheim p:@/'42";

    private readonly TestAuthority _authority = new();

    /// <summary>Starts two masters, one with slightly more slots than the other.</summary>
    public static async Task<TestCluster> StartAsync(string server, Guard guard, GuardedCluster files) =>
        await TestCluster.StartAsync(server, masters: 2, with: options =>
        (guard is Guard.Tls or Guard.MutualTls ? options with { Tls = files._authority.ServerFiles } : options) with
        {
            Slots = [[new SlotRange(0, 8211)], [new SlotRange(8212, 16383)]],
            ConfigLines = LinesOf(guard),
            Connection = files.ConnectionOf(guard),
        });

    /// <summary>Connection options that are rejected, one for each reason.</summary>
    public IReadOnlyList<(ConnectionOptions Options, FailureCode Code)> Strangers(Guard guard) => guard switch
    {
        Guard.Password =>
        [
            (new ConnectionOptions(), FailureCode.AuthenticationFailed),
            (new ConnectionOptions { Password = "wrong" }, FailureCode.AuthenticationFailed),
        ],
        Guard.Acl =>
        [
            (new ConnectionOptions(), FailureCode.AuthenticationFailed),
            (new ConnectionOptions { Password = Password }, FailureCode.AuthenticationFailed),
            (new ConnectionOptions { User = "no-such-user", Password = Password }, FailureCode.AuthenticationFailed),
        ],
        Guard.Tls =>
        [
            (new ConnectionOptions(), FailureCode.ConnectionFailed),
            (new ConnectionOptions { Tls = new TlsOptions() }, FailureCode.ConnectionFailed),
        ],
        _ => [(new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = _authority.CaPath } }, FailureCode.ConnectionFailed)],
    };

    public void Dispose() => _authority.Dispose();

    private ConnectionOptions ConnectionOf(Guard guard) => guard switch
    {
        Guard.Password => new ConnectionOptions { Password = Password },
        Guard.Acl => new ConnectionOptions { User = User, Password = Password },
        Guard.Tls => new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = _authority.CaPath } },
        _ => new ConnectionOptions
        {
            Tls = new TlsOptions
            {
                CaCertificatePath = _authority.CaPath,
                CertificatePath = _authority.ClientPemPath,
                CertificateKeyPath = _authority.ClientKeyPath,
            },
        },
    };

    private static IReadOnlyList<string> LinesOf(Guard guard) => guard switch
    {
        Guard.Password => ["requirepass \"" + Password + "\"", "masterauth \"" + Password + "\""],
        // The nodes need a user as well: for an atomic move, a Valkey source authenticates to the target.
        Guard.Acl =>
        [
            "user default off", "user " + User + " on \">" + Password + "\" ~* &* +@all",
            "masteruser " + User, "masterauth \"" + Password + "\"",
        ],
        Guard.MutualTls => ["tls-auth-clients yes"],
        _ => [],
    };
}
