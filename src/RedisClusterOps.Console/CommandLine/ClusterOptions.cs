using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using RedisClusterOps.Console.Output;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The options of which cluster and how to log in, as every command that reads one has them.</summary>
internal sealed class ClusterOptions
{
    public const string ClusterName = "--cluster";

    public const string UserName = "--user";

    public const string UseTlsName = "--use-tls";

    private readonly Option<string?> _cluster = new(ClusterName)
    {
        Description = "host:port[,host:port] of any nodes, redis://… or rediss://…, or a StackExchange.Redis connection string. Default: the running lab.",
        HelpName = "host:port",
    };

    private readonly Option<string?> _user = new(UserName)
    {
        Description = "ACL user. The password comes from REDISCLI_AUTH, --password-file or a prompt.",
        HelpName = "name",
    };

    private readonly Option<string?> _passwordFile = new("--password-file") { Description = "File whose first line is the password.", HelpName = "path" };

    private readonly Option<bool> _useTls = new(UseTlsName) { Description = "Connect with TLS." };

    private readonly Option<string?> _caCertificatePath = new("--ca-certificate-path")
    {
        Description = "PEM or DER file with the authorities to trust; implies --use-tls.",
        HelpName = "path",
    };

    private readonly Option<string?> _certificatePath = new("--certificate-path")
    {
        Description = "PFX or PEM file with the client's certificate and key; implies --use-tls.",
        HelpName = "path",
    };

    private readonly Option<string?> _certificateKeyPath = new("--certificate-key-path")
    {
        Description = "PEM file with the key, where the certificate's PEM file does not hold it.",
        HelpName = "path",
    };

    private readonly Option<string?> _certificatePasswordFile = new("--certificate-password-file")
    {
        Description = "File whose first line is the password of the certificate's file, or of the key.",
        HelpName = "path",
    };

    private readonly Option<bool> _skipCertificateCheck = new("--skip-certificate-check") { Description = "Accept any certificate; implies --use-tls." };

    /// <summary>Their names.</summary>
    public static IReadOnlyCollection<string> Names { get; } = [.. new ClusterOptions().All.Select(option => option.Name)];

    private Option[] All => [_cluster, _user, _passwordFile, _useTls, _caCertificatePath, _certificatePath, _certificateKeyPath, _certificatePasswordFile, _skipCertificateCheck];

    public void AddTo(Command command)
    {
        foreach (var option in All)
            command.Add(option);
    }

    /// <summary>Whether a cluster was named, and not only a lab may be running.</summary>
    public bool IsNamed(ParseResult parsed) => parsed.GetResult(_cluster) is { Implicit: false };

    /// <summary>The session that the options describe.</summary>
    /// <exception cref="RedisOperationException">InvalidConnectionString, or NoCluster where none was named and no lab runs.</exception>
    /// <exception cref="UsageException">A password is needed and there is none.</exception>
    public async Task<RedisClusterSession> ReadAsync(ParseResult parsed, Screen screen, CancellationToken stop)
    {
        var session = parsed.GetValue(_cluster) is { } text ? RedisClusterSession.Parse(text) : LabSession();
        var inText = session.Options.Password is not null;
        if (inText)
            screen.Warning("a password on the command line can be seen by every user of this machine; REDISCLI_AUTH or --password-file is not");
        var user = parsed.GetValue(_user) ?? session.User;
        var password = inText && parsed.GetValue(_user) is null
            ? session.Options.Password
            : await PasswordSource.ReadAsync(user, parsed.GetValue(_passwordFile), screen, stop);
        // User default is the one whom requirepass gives a password: the password alone logs in as it, on old servers too.
        return session.With(session.Options with { User = user == "default" ? null : user, Password = password, Tls = ReadTls(parsed, screen, session.Options.Tls) });
    }

    /// <summary>The session a text describes; null where it describes none.</summary>
    public static RedisClusterSession? TryParse(string text)
    {
        try
        {
            return RedisClusterSession.Parse(text);
        }
        catch (RedisOperationException)
        {
            return null;
        }
    }

    private static RedisClusterSession LabSession() => RunningLab.Find() is { } lab
        ? new RedisClusterSession(lab.Nodes.Select(node => node.Endpoint()), new ConnectionOptions())
        : throw new RedisOperationException(
            FailureCode.NoCluster, "No cluster was named with --cluster, and no lab is running.", nextStep: "name one with --cluster host:port, or start a lab with rco lab up");

    private TlsOptions? ReadTls(ParseResult parsed, Screen screen, TlsOptions? fromText)
    {
        var caCertificate = parsed.GetValue(_caCertificatePath);
        var certificate = parsed.GetValue(_certificatePath);
        var skip = parsed.GetValue(_skipCertificateCheck);
        if (certificate is null && (parsed.GetValue(_certificateKeyPath) ?? parsed.GetValue(_certificatePasswordFile)) is not null)
            throw new UsageException("--certificate-key-path and --certificate-password-file belong to --certificate-path, which is not given.");
        if (fromText is null && !parsed.GetValue(_useTls) && caCertificate is null && certificate is null && !skip)
            return null;
        if (skip)
            screen.Warning("--skip-certificate-check: whoever answers is believed to be the cluster, and gets the password");
        return new TlsOptions
        {
            CaCertificatePath = ExistingFile(caCertificate),
            CertificatePath = ExistingFile(certificate),
            CertificateKeyPath = ExistingFile(parsed.GetValue(_certificateKeyPath)),
            CertificatePassword = parsed.GetValue(_certificatePasswordFile) is { } file ? PasswordSource.ReadFile(file, screen) : null,
            SkipCertificateCheck = skip,
        };
    }

    private static string? ExistingFile(string? path) =>
        path is null || File.Exists(path) ? path : throw new UsageException("There is no certificate file '" + path + "'.");
}
