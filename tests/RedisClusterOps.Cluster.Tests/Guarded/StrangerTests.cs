using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.FrontDoor;
using RedisClusterOps.Lab;
using RedisClusterOps.Core.Tests.Protocol;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>One real server that lets in who shows a certificate, at a port with TLS and at one without; its user 'guest' may do next to nothing.</summary>
public sealed class GatedNode : IAsyncLifetime
{
    internal const string GuestPassword = "Gast-46";

    private readonly int _plain = LoopbackPorts.Take();

    internal TestAuthority Authority { get; } = new();

    internal TestCluster Cluster { get; private set; } = null!;

    internal string Tls => Cluster.Node(0).Endpoint.ToString();

    internal string Plain => "127.0.0.1:" + _plain;

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 1, with: options => options with
    {
        Tls = Authority.ServerFiles,
        ConfigLines = ["tls-auth-clients yes", "port " + _plain, "user guest on >" + GuestPassword + " -@all +cluster|nodes"],
        Connection = new ConnectionOptions
        {
            Tls = new TlsOptions { CaCertificatePath = Authority.CaPath, CertificatePath = Authority.ClientPemPath, CertificateKeyPath = Authority.ClientKeyPath },
        },
    });

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        LoopbackPorts.GiveBack(_plain);
        Authority.Dispose();
    }
}

/// <summary>rco at the gate: who has what it takes is let in, and whoever has not is told what is missing and what to do, in two lines.</summary>
public sealed class StrangerTests(GatedNode gate) : IClassFixture<GatedNode>, IDisposable
{
    private readonly RcoHome _rco = new();

    public void Dispose() => _rco.Dispose();

    [Fact]
    public async Task A_client_certificate_is_PEM_with_its_key_beside_it_or_PFX_with_a_password_file()
    {
        string[] tls = ["nodes", "--cluster", gate.Tls, "--ca-certificate-path", gate.Authority.CaPath];
        (await _rco.RunAsync([.. tls, "--certificate-path", gate.Authority.ClientPemPath, "--certificate-key-path", gate.Authority.ClientKeyPath])).AssertEnded(0);
        var password = _rco.File("certificate-password", TestAuthority.ClientPassword + "\n");
        var run = await _rco.RunAsync([.. tls, "--certificate-path", gate.Authority.ClientPfxPath, "--certificate-password-file", password]);
        run.AssertEnded(0);
        Assert.Empty(run.ErrorLines);

        var wrong = await _rco.RunAsync([.. tls, "--certificate-path", gate.Authority.ClientPfxPath, "--certificate-password-file", _rco.File("wrong", "Falsch-47\n")]);
        wrong.AssertEnded(2);
        Assert.StartsWith("error: InvalidConnectionString: The client certificate " + gate.Authority.ClientPfxPath + " can't be read", wrong.ErrorLines[0]);
        Assert.DoesNotContain("Falsch-47", wrong.ToString());
        Assert.DoesNotContain(TestAuthority.ClientPassword, run.ToString() + wrong);

        await AssertToldAsync(
            [.. tls, "--certificate-key-path", gate.Authority.ClientKeyPath], "Usage: --certificate-key-path and --certificate-password-file belong to --certificate-path", "rco nodes --help");
    }

    [Fact]
    public async Task Who_has_no_certificate_or_another_authority_or_the_wrong_port_is_told_so()
    {
        using var stranger = new TestAuthority();
        string[] tls = ["nodes", "--cluster", gate.Tls];
        await AssertToldAsync([.. tls, "--ca-certificate-path", gate.Authority.CaPath], "ConnectionFailed: ", "the same with --certificate-path <", "If it wants a client certificate");
        await AssertToldAsync([.. tls, "--use-tls"], "ConnectionFailed: ", "the same with --ca-certificate-path <", "this machine does not trust the server's certificate");
        await AssertToldAsync(
            [.. tls, "--ca-certificate-path", stranger.CaPath], "ConnectionFailed: ", "the same with --ca-certificate-path <", "the server's certificate is not from the CA in " + stranger.CaPath);
        await AssertToldAsync(tls, "ConnectionFailed: ", "the same with --use-tls ", "If it speaks TLS");
        await AssertToldAsync(
            ["nodes", "--cluster", gate.Plain, "--ca-certificate-path", gate.Authority.CaPath], "ConnectionFailed: ", "the same with --cluster <host:port that speaks TLS>", "does not speak TLS");
    }

    [Fact]
    public async Task A_certificate_that_has_run_out_or_is_for_another_name_is_told_as_that()
    {
        using var authority = new Core.Tests.Protocol.TestAuthority();
        using var old = authority.Issue(daysLeft: -1);
        using var other = authority.Issue(otherName: "elsewhere.example");
        await using var expired = FakeNode.WithTls(old, _ => "+OK\r\n");
        await using var elsewhere = FakeNode.WithTls(other, _ => "+OK\r\n");
        await AssertToldAsync(
            ["check", "--cluster", expired.Endpoint.ToString(), "--ca-certificate-path", authority.PemFile], "ConnectionFailed: ", "CONFIG SET tls-cert-file <", "has run out");
        await AssertToldAsync(
            ["check", "--cluster", elsewhere.Endpoint.ToString(), "--ca-certificate-path", authority.PemFile], "ConnectionFailed: ", "the same with --cluster <a name or address", "elsewhere.example)");
        Assert.Empty(expired.Commands);
        Assert.Empty(elsewhere.Commands);
    }

    [Fact]
    public async Task A_wrong_password_and_a_user_without_rights_are_told_as_that()
    {
        string[] plain = ["--cluster", gate.Plain, "--user", "guest"];
        _rco.Environment["REDISCLI_AUTH"] = "Falsch-47";
        await AssertToldAsync(["nodes", .. plain], "AuthenticationFailed: ", "the same with --user <name>", "refused the user name or password of 'guest'");
        _rco.Environment["REDISCLI_AUTH"] = GatedNode.GuestPassword;
        await AssertToldAsync(["repair", "--slot", "5", "--what-if", .. plain], "PermissionDenied: ", "ACL WHOAMI and ACL GETUSER", "COUNTKEYSINSLOT");
    }

    [Fact]
    public async Task A_password_file_that_others_may_read_is_warned_of_and_used()
    {
        if (OperatingSystem.IsWindows())
            return;
        var file = _rco.File("password", GatedNode.GuestPassword + "\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        string[] arguments = ["nodes", "--json", "--cluster", gate.Plain, "--user", "guest", "--password-file", file];
        var run = await _rco.RunAsync(arguments);
        run.AssertEnded(0);
        Assert.StartsWith("warning: others than its owner may read the password file " + file, Assert.Single(run.ErrorLines, line => line.Contains(file)));
        Assert.Single(run.Objects());
        File.SetUnixFileMode(file, UnixFileMode.UserRead);
        Assert.DoesNotContain(file, (await _rco.RunAsync(arguments)).Errors);
    }

    private async Task AssertToldAsync(string[] arguments, string error, string next, string inside = "")
    {
        var run = await _rco.RunAsync(arguments);
        Assert.True(run.ExitCode is 1 or 2, run.ToString());
        Assert.True(run.ErrorLines.Count == 2 && run.ErrorLines[0].StartsWith("error: " + error, StringComparison.Ordinal) && run.ErrorLines[1].StartsWith("next: " + next, StringComparison.Ordinal), run.ToString());
        Assert.Contains(inside, run.ErrorLines[0]);
        var where = arguments.SkipWhile(argument => argument != "--cluster").Skip(1).First();
        Assert.True(error.StartsWith("Usage", StringComparison.Ordinal) || run.ErrorLines[0].Contains(where, StringComparison.Ordinal), run.ToString());
    }
}
