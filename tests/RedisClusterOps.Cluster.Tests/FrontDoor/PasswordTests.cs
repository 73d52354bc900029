using System;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.FrontDoor;

/// <summary>A cluster with a password, for <see cref="PasswordTests"/>.</summary>
public sealed class GuardedCluster : IAsyncLifetime
{
    internal const string Password = "Geheim-42";
    internal const string UserPassword = "Anders-43";

    internal TestCluster Cluster { get; private set; } = null!;

    internal string Entry => Cluster.Node(0).Endpoint.ToString();

    public async ValueTask InitializeAsync() => Cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 2, with: options => options with
    {
        ConfigLines = ["requirepass " + Password, "masterauth " + Password, "user operator on >" + UserPassword + " ~* &* +@all"],
        Connection = new ConnectionOptions { Password = Password },
    });

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}

/// <summary>A password opens the cluster, however it is given, and is printed nowhere, whatever goes wrong.</summary>
public sealed class PasswordTests(GuardedCluster guarded) : IClassFixture<GuardedCluster>, IDisposable
{
    private readonly RcoHome _rco = new();

    public void Dispose() => _rco.Dispose();

    [Fact]
    public async Task From_the_variable()
    {
        _rco.Environment["REDISCLI_AUTH"] = GuardedCluster.Password;
        (await RunAsync("check", "--cluster", guarded.Entry)).AssertEnded(0);
    }

    [Fact]
    public async Task From_a_file_for_a_user_and_the_first_line_is_it()
    {
        var file = _rco.File("password", GuardedCluster.UserPassword + "\nsomething else\n");
        (await RunAsync("check", "--cluster", guarded.Entry, "--user", "operator", "--password-file", file)).AssertEnded(0);
    }

    [Theory]
    [InlineData("redis://:" + GuardedCluster.Password + "@{0}")]
    [InlineData("redis://operator:" + GuardedCluster.UserPassword + "@{0}")]
    [InlineData("{0},user=operator,password=" + GuardedCluster.UserPassword)]
    public async Task From_the_text_of_the_cluster_with_a_warning(string text)
    {
        var run = await RunAsync("check", "--json", "--cluster", text.Replace("{0}", guarded.Entry));
        run.AssertEnded(0);
        Assert.StartsWith("warning: a password on the command line", Assert.Single(run.ErrorLines));
        Assert.Equal(guarded.Entry, Assert.Single(run.Objects()).GetProperty("Cluster").GetString());
    }

    [Fact]
    public async Task A_wrong_one_and_none_are_refused_in_one_line()
    {
        _rco.Environment["REDISCLI_AUTH"] = "Falsch-44";
        await AssertUnauthorizedAsync("check");
        await AssertUnauthorizedAsync("nodes", "--json");
        await AssertUnauthorizedAsync("complete", "--slot", "1");
        _rco.Environment["REDISCLI_AUTH"] = null;
        await AssertUnauthorizedAsync("open-slots");
    }

    [Theory]
    [InlineData("check", "redis://:" + GuardedCluster.Password + "@h:1")]
    [InlineData("redis://u:" + GuardedCluster.Password + "@h:1")]
    [InlineData("lab", "h:1,password=" + GuardedCluster.Password + ",ssl=true")]
    [InlineData("complete", "--slot", "redis://:" + GuardedCluster.Password + "@h:1")]
    [InlineData("check", "--cluster", "redis://u:" + GuardedCluster.Password + "@h:99999")]
    [InlineData("check", "--cluster", "h:1,password=" + GuardedCluster.Password + ",nope=1")]
    [InlineData("check", "--cluster", "redis://u:" + GuardedCluster.Password + "@127.0.0.1:1")]
    public async Task In_the_wrong_place_or_a_wrong_text_it_is_refused_without_being_printed(params string[] arguments) => (await RunAsync(arguments)).AssertEnded(2);

    [Fact]
    public async Task The_next_command_names_the_user_and_not_the_password_and_works_with_the_variable()
    {
        const int Slot = 77;
        await guarded.Cluster.Wedge().WedgeAsync(slot: Slot, keys: 5, moved: 2);
        var planned = await RunAsync("complete", "--slot", "77", "--what-if", "--cluster", "redis://operator:" + GuardedCluster.UserPassword + "@" + guarded.Entry);
        planned.AssertEnded(0);
        var again = planned.Output.Split('\n').Single(line => line.StartsWith("nothing was written")).Split("to do it: rco ")[1];
        Assert.Equal("complete --slot 77 --cluster " + guarded.Entry + " --user operator", again);
        Assert.Contains("AUTH2 *** ***", planned.Output);

        _rco.Environment["REDISCLI_AUTH"] = GuardedCluster.UserPassword;
        var done = await RunAsync(again.Split(' '));
        done.AssertEnded(0);
        Assert.Contains("3 keys moved", done.Output);
        Assert.True((await guarded.Cluster.Wedge().ReadBackAsync(Slot, 5)).IsComplete);
    }

    private async Task AssertUnauthorizedAsync(params string[] arguments)
    {
        var run = await RunAsync([.. arguments, "--cluster", guarded.Entry]);
        run.AssertEnded(2);
        Assert.StartsWith("error: AuthenticationFailed: ", run.ErrorLines[0]);
        Assert.Contains(guarded.Entry, run.ErrorLines[0]);
        Assert.StartsWith("next: the same with --user <name>", run.ErrorLines[1]);
        Assert.Equal(2, run.ErrorLines.Count);
        Assert.DoesNotContain("Falsch-44", run.ToString());
    }

    private async Task<RcoRun> RunAsync(params string[] arguments)
    {
        var run = await _rco.RunAsync(arguments);
        Assert.DoesNotContain(GuardedCluster.Password, run.ToString());
        Assert.DoesNotContain(GuardedCluster.UserPassword, run.ToString());
        return run;
    }
}
