using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Full memory, passwords, users with limited permissions, and TLS.</summary>
public sealed class LimitsAndRightsTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    private const string Password = "p w:@/'\"é";

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_full_target_stops_the_run_until_it_has_memory(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = Enumerable.Range(0, 4).Select(i => slot.Key("k" + i)).ToList();
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, new byte[1024 * 1024]);
        await slot.OpenAsync();
        var used = (await slot.Target.SendAsync("INFO", "memory")).Text.Split("used_memory:")[1].Split('\r')[0];
        await slot.Target.SendAsync(
            "CONFIG", "SET", "maxmemory", long.Parse(used, CultureInfo.InvariantCulture) + 2_500_000, "maxmemory-policy", "noeviction");
        try
        {
            var failure = await slot.FailsAsync(FailureCode.TargetOutOfMemory, new MoveOptions { BatchSize = 1 });
            Assert.Contains(slot.Target.Endpoint.ToString(), failure.Message);
            Assert.InRange(await slot.KeysOnSourceAsync(), 1, 4);
            using var client = slot.Cluster.Client();
            foreach (var key in keys)
                Assert.Equal(1024 * 1024, (await client.AskAsync(key, RespCommand.Of("STRLEN", key))).Integer);
        }
        finally
        {
            await slot.Target.SendAsync("CONFIG", "SET", "maxmemory", 0);
        }

        await slot.CompletedAsync();
        Assert.Equal(4, await TestCluster.CountKeysAsync(slot.Target, slot.Slot));
    }

    public static TheoryData<string, string, string> Rights
    {
        get
        {
            var all = new TheoryData<string, string, string>();
            (string Rule, string Named)[] rights =
            [
                ("-migrate", "migrate"),
                ("-cluster|setslot", "cluster|setslot"),
                ("-select", "select"),
                ("-restore-asking", "restore-asking"),
                ("-dump", "dump"),
                ("-exists", "exists"),
                ("-asking", "asking"),
                ("-cluster|nodes", "cluster|nodes"),
                ("-cluster|getkeysinslot", "cluster|getkeysinslot"),
                ("-cluster|countkeysinslot", "cluster|countkeysinslot"),
                ("resetkeys ~nothing:*", "key"),
            ];
            foreach (var server in Servers.RedisAndValkey)
            {
                // In the short proof each right has one server.
                foreach (var (rule, named) in rights.Where((_, index) => Servers.IsTaken(server.Data, index)))
                    all.Add(server.Data, rule, named);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Rights))]
    public async Task A_missing_permission_is_named_with_its_node_and_nothing_is_lost(string server, string rule, string named)
    {
        var slot = await clusters.SlotAsync(server);
        var keys = Enumerable.Range(0, 10).Select(i => slot.Key("k" + i)).ToList();
        foreach (var key in keys)
            await slot.OnSourceAsync("SET", key, "v");
        await slot.OpenAsync();
        // One key has arrived already, so that the comparison of equal copies is tested as well.
        await slot.OnTargetAsync("SET", keys[3], "v");
        slot.Session = await UserAsync(slot, rule);

        var failure = await FailureOfAsync(slot);

        Assert.Equal(FailureCode.PermissionDenied, failure.Code);
        Assert.Contains(named, failure.Message);
        Assert.Contains(slot.Cluster.Endpoints, node => failure.Message.Contains(node.ToString()));
        Assert.Contains("ACL", failure.NextStep());
        Assert.DoesNotContain(Password, failure.Message);
        await slot.AssertOpenAsync();

        // Extends the same user: MIGRATE caches its authenticated connection to the target for ten seconds, and another user would reuse
        // it.
        foreach (var node in slot.Cluster.Nodes)
            await node.SendAsync("ACL", "SETUSER", "u" + slot.Slot, "+@all", "~*");
        await slot.CompletedAsync();
        Assert.Equal("v", Assert.Single((await slot.OnTargetAsync(["MGET", .. keys])).Items.Select(item => item.Text).Distinct()));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task A_user_with_only_the_required_permissions_can_complete(string server)
    {
        var slot = await clusters.SlotAsync(server);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", slot.Key("k"), "v");
        slot.Session = await UserAsync(
            slot,
            "-@all +cluster|nodes +cluster|setslot +cluster|bumpepoch +cluster|countkeysinslot +cluster|getkeysinslot "
            + "+migrate +select +restore-asking +asking +exists +dump +type +pttl +ping");
        await slot.CompletedAsync();
        Assert.Equal("v", (await slot.OnTargetAsync("GET", slot.Key("k"))).Text);
    }

    [Theory]
    [InlineData("-info")]
    [InlineData("-config|get")]
    [InlineData("-info -config|get")]
    [InlineData("-info -config|get -select")]
    public async Task Keys_of_other_databases_are_kept_if_the_user_may_not_count_them(string rule)
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Valkey91, masters: 2, with: options => options with { ConfigLines = ["cluster-databases 4"] });
        var slot = new MovingSlot(cluster, 7);
        var key = slot.Key("k");
        await slot.OpenAsync();
        slot.Session = await UserAsync(slot, rule);

        // A key is written after the cluster was read and just before the handover.
        var written = false;
        var outcome = await slot.CompleteAsync(async (_, commands) =>
        {
            if (written || !commands.Any(command => command.ToString().Contains("COUNTKEYSINSLOT")))
                return;
            written = true;
            await slot.OnSourceAsync("CLUSTER", "SETSLOT", slot.Slot, "STABLE");
            using var connection = await slot.Source.ConnectAsync();
            Assert.Equal(
                "OK", (await connection.SendAsync([RespCommand.Of("SELECT", 3), RespCommand.Of("SET", key, "v")], null, default))[1].Text);
            await slot.OnSourceAsync("CLUSTER", "SETSLOT", slot.Slot, "MIGRATING", slot.Target.Id);
        });

        Assert.True(written);
        Assert.True(
            await HoldsAsync(slot.Source) || await HoldsAsync(slot.Target),
            "The key is lost. Outcome: " + outcome.Result.Outcome + " " + outcome.Result.Reason);
        if (outcome.Failure is null)
            Assert.True(await HoldsAsync(slot.Target));

        async Task<bool> HoldsAsync(Lab.LocalNode node)
        {
            using var connection = await node.ConnectAsync();
            var replies = await connection.SendAsync(
                [RespCommand.Of("SELECT", 3), RespCommand.Of("ASKING"), RespCommand.Of("EXISTS", key)], null, default);
            return !replies[2].IsError && replies[2].Integer == 1;
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Completes_with_the_right_password_and_refuses_a_wrong_one(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, masters: 2, with: options => options with
            {
                ConfigLines = ["requirepass \"p w:@/'\\\"é\"", "masterauth \"p w:@/'\\\"é\""],
                Connection = new ConnectionOptions { Password = Password },
            });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();

        var unknownUser = new ConnectionOptions { User = "no-such-user", Password = Password };
        foreach (var wrong in new[] { new ConnectionOptions(), new ConnectionOptions { Password = "wrong" }, unknownUser })
        {
            slot.Session = new RedisClusterSession(cluster.Endpoints, wrong);
            var failure = await FailureOfAsync(slot);
            Assert.Equal(FailureCode.AuthenticationFailed, failure.Code);
            Assert.All(cluster.Endpoints, node => Assert.Contains(node.ToString(), failure.Message));
            Assert.DoesNotContain(Password, failure.Message);
        }

        foreach (var user in new[] { null, "default" })
        {
            slot = new MovingSlot(cluster, slot.Slot + 1);
            await slot.OnSourceAsync("SET", slot.Key("k"), "v");
            await slot.OpenAsync();
            slot.Session = new RedisClusterSession([cluster.Endpoints[0]], new ConnectionOptions { User = user, Password = Password });
            Assert.Equal(1, (await slot.CompletedAsync()).KeysMoved);
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_target_with_another_password_is_named_and_keeps_no_copy(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server,
            masters: 2,
            with: options => options with
            {
                ConfigLines = ["requirepass one", "masterauth one"],
                Connection = new ConnectionOptions { Password = "one" },
            });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        using var log = new OperationLog();

        // The password changes after the cluster was read, so that only MIGRATE fails.
        var changed = false;
        var outcome = await slot.CompleteAsync(
            async (_, commands) =>
            {
                if (changed || !commands[0].ToString().StartsWith("MIGRATE ", System.StringComparison.Ordinal))
                    return;
                changed = true;
                await slot.Target.SendAsync("CONFIG", "SET", "requirepass", "two");
            },
            log: log);
        Assert.Equal(FailureCode.AuthenticationFailed, outcome.Failure!.Code);
        Assert.Contains(slot.Target.Endpoint.ToString(), outcome.Failure.Message);
        await slot.Target.SendAsync("CONFIG", "SET", "requirepass", "one");
        await slot.AssertOpenAsync();
        Assert.Equal(1, (await slot.CompletedAsync()).KeysMoved);
        Assert.Equal("v", (await slot.OnTargetAsync("GET", slot.Key("k"))).Text);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Completes_with_TLS_and_rejects_an_unknown_authority(string server)
    {
        using var authority = new TestAuthority();
        using var stranger = new TestAuthority();
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, with: options => options with
        {
            Tls = authority.ServerFiles,
            Connection = new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = authority.CaPath } },
        });
        var slot = new MovingSlot(cluster, 7);
        for (var i = 0; i < 50; i++)
            await slot.OnSourceAsync("SET", slot.Key("k" + i), "v");
        await slot.OpenAsync();

        slot.Session = new RedisClusterSession(
            cluster.Endpoints, new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = stranger.CaPath } });
        Assert.Equal(FailureCode.ConnectionFailed, (await FailureOfAsync(slot)).Code);
        slot.Session = new RedisClusterSession(cluster.Endpoints, new ConnectionOptions());
        Assert.Contains("connect by TLS", (await FailureOfAsync(slot)).Message);

        slot.Session = new RedisClusterSession([cluster.Endpoints[1]], cluster.Connection);
        using var redis = new RedisCluster(slot.Session);
        var open = Assert.Single(await redis.GetOpenSlotsAsync(null, default));
        Assert.Equal((7, RedisOpenSlotState.Migrating, 50L), (open.Slot, open.State, open.KeysOnSource));
        Assert.Equal(50, (await slot.CompletedAsync()).KeysMoved);
    }

    private static async Task<RedisClusterSession> UserAsync(MovingSlot slot, string rule)
    {
        foreach (var node in slot.Cluster.Nodes)
            await node.SendAsync(
                ["ACL", "SETUSER", "u" + slot.Slot, "reset", "on", ">" + Password, "~*", "&*", "+@all", .. rule.Split(' ')]);
        return new RedisClusterSession(
            [slot.Cluster.Node(0).Endpoint], new ConnectionOptions { User = "u" + slot.Slot, Password = Password });
    }

    // Reading and planning throw an exception; a run returns an outcome.
    private static async Task<RedisOperationException> FailureOfAsync(MovingSlot slot)
    {
        try
        {
            var completing = slot.CompleteAsync();
            Assert.Same(completing, await Task.WhenAny(completing, Task.Delay(20_000)));
            return (await completing).Failure ?? throw new Xunit.Sdk.XunitException("The run succeeded.");
        }
        catch (RedisOperationException failure)
        {
            return failure;
        }
    }
}
