using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Core.Tests.Protocol;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Guarded;

/// <summary>One real server with a TLS port that requires a client certificate, and a port without TLS.</summary>
/// <remarks>Its user 'guest' has almost no permissions.</remarks>
public sealed class GatedNode : IAsyncLifetime
{
    internal const string GuestPassword = "Gast-46";

    private readonly int _plain = LoopbackPorts.Reserve();

    internal TestAuthority Authority { get; } = new();

    internal TestCluster Cluster { get; private set; } = null!;

    internal string Tls => Cluster.Node(0).Endpoint.ToString();

    internal string Plain => "127.0.0.1:" + _plain;

    internal TlsOptions ClientTls => new()
    {
        CaCertificatePath = Authority.CaPath,
        CertificatePath = Authority.ClientPemPath,
        CertificateKeyPath = Authority.ClientKeyPath,
    };

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(Servers.Redis70, 1, with: options => options with
    {
        Tls = Authority.ServerFiles,
        ConfigLines = ["tls-auth-clients yes", "port " + _plain, "user guest on >" + GuestPassword + " -@all +cluster|nodes"],
        Connection = new ConnectionOptions { Tls = ClientTls },
    });

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        LoopbackPorts.Release(_plain);
        Authority.Dispose();
    }
}

/// <summary>Cmdlets connect with the right credentials; without them, one error record says what is missing.</summary>
/// <remarks>The recommended action of the record shows how to supply it.</remarks>
public sealed class StrangerTests(GatedNode gate, CmdletShell shell) : IClassFixture<GatedNode>, IClassFixture<CmdletShell>
{
    private const string WrongPassword = "Falsch-47";

    private TlsOptions Trusting => new() { CaCertificatePath = gate.Authority.CaPath };

    private TlsOptions Pfx => Trusting with { CertificatePath = gate.Authority.ClientPfxPath };

    [Fact]
    public async Task A_client_certificate_is_PEM_with_its_key_beside_it_or_PFX_with_a_password()
    {
        foreach (var tls in new[] { gate.ClientTls, Pfx with { CertificatePassword = TestAuthority.ClientPassword } })
        {
            var options = new ConnectionOptions { Tls = tls };
            var run = await shell.RunAsync(gate.Cluster.Node(0).Endpoint, options, "(Get-RedisClusterNode).Endpoint");
            Assert.Equal([gate.Tls], run.AssertClean().Lines);
            Assert.DoesNotContain(TestAuthority.ClientPassword, run.Text);
        }

        var wrong = await ConnectAsync(gate.Tls, Pfx with { CertificatePassword = WrongPassword });
        var unreadable = wrong.AssertRefused("InvalidConnectionString").Message;
        Assert.StartsWith("The client certificate " + gate.Authority.ClientPfxPath + " can't be read", unreadable);
        Assert.DoesNotContain(WrongPassword, wrong.Text);

        var alone = await ConnectAsync(gate.Tls, Trusting with { CertificateKeyPath = gate.Authority.ClientKeyPath });
        var misplaced = alone.AssertRefused("InvalidConnectionString").Message;
        Assert.StartsWith("-CertificateKeyPath and -CertificatePassword belong to -CertificatePath", misplaced);
    }

    [Fact]
    public async Task A_missing_client_certificate_an_untrusted_authority_and_the_wrong_port_are_each_reported()
    {
        using var stranger = new TestAuthority();
        await AssertRefusedAsync(gate.Tls, Trusting, "If it requires a client certificate", "Connect-RedisCluster -CertificatePath <");
        await AssertRefusedAsync(
            gate.Tls,
            new TlsOptions(),
            "this machine does not trust the server's certificate",
            "Connect-RedisCluster -CaCertificatePath <");
        await AssertRefusedAsync(
            gate.Tls,
            new TlsOptions { CaCertificatePath = stranger.CaPath },
            "the server's certificate is not from the CA in " + stranger.CaPath,
            "Connect-RedisCluster -CaCertificatePath <");
        await AssertRefusedAsync(gate.Tls, null, "If the port speaks TLS", "Connect-RedisCluster -UseTls");
        await AssertRefusedAsync(gate.Plain, Trusting, "does not speak TLS", "Connect-RedisCluster -Endpoint <host:port that speaks TLS>");
    }

    [Fact]
    public async Task An_expired_certificate_and_one_for_another_name_are_reported_and_no_command_is_sent()
    {
        using var authority = new Core.Tests.Protocol.TestAuthority();
        using var old = authority.Issue(daysLeft: -1);
        using var other = authority.Issue(otherName: "elsewhere.example");
        await using var expired = FakeNode.WithTls(old, _ => "+OK\r\n");
        await using var elsewhere = FakeNode.WithTls(other, _ => "+OK\r\n");
        var tls = new TlsOptions { CaCertificatePath = authority.PemFile };
        await AssertRefusedAsync(expired.Endpoint.ToString(), tls, "has expired", "CONFIG SET tls-cert-file <");
        await AssertRefusedAsync(
            elsewhere.Endpoint.ToString(), tls, "elsewhere.example)", "Connect-RedisCluster -Endpoint <a name or address");
        Assert.Empty(expired.Commands);
        Assert.Empty(elsewhere.Commands);
    }

    [Fact]
    public async Task A_wrong_password_and_a_user_without_rights_are_reported()
    {
        var options = new ConnectionOptions { User = "guest", Password = WrongPassword };
        var wrong = await shell.RunAsync(CmdletShell.Connect(gate.Plain, options));
        AssertReported(
            wrong,
            "AuthenticationFailed",
            gate.Plain,
            "refused the user name or password of 'guest'",
            "Connect-RedisCluster -Endpoint <host:port> -Credential");
        Assert.DoesNotContain(WrongPassword, wrong.Text);

        var url = "redis://guest:" + GatedNode.GuestPassword + "@" + gate.Plain;
        var guest = await shell.RunAsync("Repair-RedisCluster -Slot 5 -WhatIf -Cluster '" + url + "'");
        AssertReported(guest, "PermissionDenied", gate.Plain, "COUNTKEYSINSLOT", "ACL WHOAMI and ACL GETUSER");
        Assert.DoesNotContain(GatedNode.GuestPassword, guest.Text);
    }

    private static void AssertReported(CmdletRun run, string code, string endpoint, string inside, string action)
    {
        var error = run.AssertRefused(code);
        Assert.Contains(endpoint, error.Message);
        Assert.Contains(inside, error.Message);
        Assert.StartsWith(action, error.Action);
        Assert.Contains(error.Action, error.Shown);
    }

    private async Task AssertRefusedAsync(string endpoint, TlsOptions? tls, string inside, string action) =>
        AssertReported(await ConnectAsync(endpoint, tls), "ConnectionFailed", endpoint, inside, action);

    private Task<CmdletRun> ConnectAsync(string endpoint, TlsOptions? tls) =>
        shell.RunAsync(CmdletShell.Connect(endpoint, new ConnectionOptions { Tls = tls }));
}
