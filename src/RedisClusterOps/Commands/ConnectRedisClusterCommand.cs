using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Management.Automation;
using System.Net;
using System.Security;

namespace RedisClusterOps.Commands;

/// <summary>
/// Reads a cluster once to verify that it is reachable, and makes its session the current one of this runspace. The session is
/// configuration; it holds no open connection.
/// </summary>
[Cmdlet(VerbsCommunications.Connect, "RedisCluster")]
[OutputType(typeof(RedisClusterSession))]
public sealed class ConnectRedisClusterCommand : RedisCmdlet
{
    /// <summary>
    /// Specifies the nodes to contact first: <c>host:port</c>, a <c>redis://</c> or <c>rediss://</c> URL, or a StackExchange.Redis
    /// connection string.
    /// </summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("ComputerName", "Server")]
    public string[] Endpoint { get; set; } = [];

    /// <summary>Specifies an ACL user and its password. Use the name <c>default</c> for the password of requirepass.</summary>
    [Parameter]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>Connects to every node by TLS.</summary>
    [Parameter]
    public SwitchParameter UseTls { get; set; }

    /// <summary>Specifies a file with the client's certificate and key: PFX, or PEM on PowerShell 7. Implies TLS.</summary>
    [Parameter]
    public string? CertificatePath { get; set; }

    /// <summary>Specifies a PEM file with the key, if the certificate's PEM file does not contain it.</summary>
    [Parameter]
    public string? CertificateKeyPath { get; set; }

    /// <summary>Specifies the password of the certificate file, or of the key.</summary>
    [Parameter]
    public SecureString? CertificatePassword { get; set; }

    /// <summary>Specifies a PEM or DER file with the certificate authorities to trust instead of the machine's. Implies TLS.</summary>
    [Parameter]
    public string? CaCertificatePath { get; set; }

    /// <summary>Accepts any server certificate without verification. Implies TLS.</summary>
    [Parameter]
    public SwitchParameter SkipCertificateCheck { get; set; }

    /// <summary>Specifies how long connecting to one node may take, including authentication. The default is 5 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Specifies how long a node may take to answer a command. The default is 30 s.</summary>
    [Parameter]
    [Duration]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Maps an announced <c>host:port</c> to the <c>host:port</c> to connect to; for NAT and containers.</summary>
    [Parameter]
    public Hashtable? AddressMap { get; set; }

    internal override void Run()
    {
        if (SkipCertificateCheck)
            WriteWarning("-SkipCertificateCheck: server certificates are not verified. An impostor could receive your password.");
        var session = Adjust(RedisClusterSession.Parse(Endpoint));
        if (AddressMap is not null)
            session = session.WithAddressMap(Texts(AddressMap));
        var info = Await(Open(session).GetInfoAsync(Stop), "Connecting to " + session);
        WriteHost(string.Format(
            CultureInfo.InvariantCulture,
            "Connected to {0}: {1} {2}; masters: {3}, replicas: {4}, unreachable: {5}; {6} slots assigned, state {7}",
            session,
            string.Join("/", info.Engines),
            string.Join("/", info.Versions),
            info.Masters,
            info.Replicas,
            info.KnownNodes - info.ReachableNodes,
            info.SlotsAssigned,
            info.State));
        CurrentSession.Set(session);
        WriteObject(session);
    }

    // Parameters take precedence over the settings in the text of -Endpoint.
    private RedisClusterSession Adjust(RedisClusterSession session)
    {
        if (Credential is not null)
        {
            // Windows PowerShell may prefix a user name without a domain with a backslash.
            var user = Credential.UserName.TrimStart('\\');
            session = session.WithCredential(user == "default" ? null : user, Plain(Credential.Password));
        }

        if (CertificatePath is null && (CertificateKeyPath is not null || CertificatePassword is not null))
        {
            throw new RedisOperationException(
                FailureCode.InvalidConnectionString,
                "-CertificateKeyPath and -CertificatePassword belong to -CertificatePath, which is missing.");
        }

        if (UseTls || SkipCertificateCheck || CertificatePath is not null || CaCertificatePath is not null)
        {
            session = session.WithTls(new TlsOptions
            {
                CertificatePath = ExistingFile(CertificatePath),
                CertificateKeyPath = ExistingFile(CertificateKeyPath),
                CertificatePassword = CertificatePassword is null ? null : Plain(CertificatePassword),
                CaCertificatePath = ExistingFile(CaCertificatePath),
                SkipCertificateCheck = SkipCertificateCheck,
            });
        }

        var isBound = MyInvocation.BoundParameters;
        return session.WithTimeouts(
            isBound.ContainsKey(nameof(ConnectTimeout)) ? ConnectTimeout : session.ConnectTimeout,
            isBound.ContainsKey(nameof(CommandTimeout)) ? CommandTimeout : session.CommandTimeout);
    }

    private string? ExistingFile(string? path)
    {
        if (path is null)
            return null;
        var file = FilePath(path)!;
        return File.Exists(file)
            ? file
            : throw new RedisOperationException(
                FailureCode.InvalidConnectionString, "The certificate file '" + file + "' does not exist.", file);
    }

    private static string Plain(SecureString secret) => new NetworkCredential(string.Empty, secret).Password;

    private static Dictionary<string, string> Texts(Hashtable map)
    {
        var texts = new Dictionary<string, string>();
        foreach (DictionaryEntry entry in map)
        {
            texts[Convert.ToString(entry.Key, CultureInfo.InvariantCulture) ?? string.Empty] =
                Convert.ToString(entry.Value, CultureInfo.InvariantCulture) ?? string.Empty;
        }

        return texts;
    }
}
