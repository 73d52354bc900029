using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>Findings of the preflight checks name the node or slot and the command that helps, before a plan is carried out.</summary>
public sealed class FindingTests(SharedClusters clusters) : IClassFixture<SharedClusters>
{
    private const int Megabyte = 1 << 20;

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task An_ordinary_move_has_no_findings(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        using var run = new PreflightRun(slot);
        var result = await run.CheckAsync(slot.Slot);
        Assert.Null(result.Refusal);
        Assert.Empty(result.Findings);
        if (cluster.IsGarnet)
            Assert.DoesNotContain(
                run.Sent, command => command.StartsWith("CONFIG") || command.StartsWith("ACL") || command.StartsWith("FUNCTION"));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_full_target_is_a_finding_and_one_that_evicts_keys_is_refused(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await FillAsync(slot, slot.Slot, megabytes: 6);

        await LimitAsync(slot.Target, 60);
        Assert.Empty(await FindingsOfAsync(slot));
        await LimitAsync(slot.Target, 7);
        Assert.Equal(["TargetMemory Warning"], await FindingsOfAsync(slot));
        await LimitAsync(slot.Target, 2);
        Assert.Equal(["TargetMemory Error"], await FindingsOfAsync(slot));

        await slot.Target.SendAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        var refusal = (await PreflightRun.CheckAsync(slot)).Refusal!;
        Assert.Equal(FailureCode.TargetOutOfMemory, refusal.Code);
        Assert.Equal(slot.Target.Endpoint.ToString(), refusal.Subject);
        Assert.Contains("allkeys-lru", refusal.Message);
        await LimitAsync(slot.Target, 60);
        Assert.Empty(await FindingsOfAsync(slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Memory_for_other_slots_of_the_same_run_is_counted(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await FillAsync(slot, 7, megabytes: 6);
        await FillAsync(new MovingSlot(cluster, 8), 8, megabytes: 6);
        await LimitAsync(slot.Target, 9);

        using var run = new PreflightRun(slot);
        Assert.Empty((await run.CheckAsync(7)).Findings);
        Assert.Equal(PlanFindingCode.TargetMemory, Assert.Single((await run.CheckAsync(8)).Findings).Code);
    }

    [Fact]
    public async Task The_slot_statistics_of_the_server_are_used()
    {
        await using var cluster = await TestCluster.StartAsync(
            Servers.Redis86, masters: 3, with: options => options with { ConfigLines = ["cluster-slot-stats-enabled yes"] });
        var slot = new MovingSlot(cluster, 7);
        await FillAsync(slot, slot.Slot, megabytes: 6);
        await LimitAsync(slot.Target, 2);
        using var run = new PreflightRun(slot);
        Assert.Equal(PlanFindingCode.TargetMemory, Assert.Single((await run.CheckAsync(slot.Slot)).Findings).Code);
        Assert.Contains("CLUSTER SLOT-STATS SLOTSRANGE 7 7", run.Sent);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_key_that_takes_longer_than_the_node_timeout_is_named(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 2);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("small"), "v");
        await slot.OnSourceAsync("SETRANGE", slot.Key("big"), 120 * Megabyte, "v");
        Assert.Empty((await PreflightRun.CheckAsync(slot)).Findings);

        await slot.Target.SendAsync("CONFIG", "SET", "cluster-node-timeout", 1000);
        var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
        Assert.Equal((PlanFindingCode.BigKey, FindingSeverity.Warning, "7"), (finding.Code, finding.Severity, finding.Target));
        Assert.Contains("big", finding.Message);
        Assert.StartsWith("CONFIG SET cluster-node-timeout 2", NextActionText.Of(finding.Next!));

        var both = (await PreflightRun.CheckAsync(slot, new MoveOptions { Timeout = TimeSpan.FromSeconds(1) })).Findings;
        Assert.Equal([PlanFindingCode.BigKey, PlanFindingCode.BigKey], both.Select(found => found.Code));
        Assert.Equal("the same command with -Timeout 3s", NextActionText.Of(both[1].Next!));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_function_that_the_target_lacks_is_named_until_it_is_loaded(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        const string Library = "#!lua name=shop\nredis.register_function('reserve', function() return 1 end)";
        await slot.Source.SendAsync("FUNCTION", "LOAD", Library);
        var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
        Assert.Equal(
            (PlanFindingCode.FunctionMissing, FindingSeverity.Warning, slot.Target.Endpoint.ToString()),
            (finding.Code, finding.Severity, finding.Target));
        Assert.Contains("reserve", finding.Message);
        await slot.Target.SendAsync("FUNCTION", "LOAD", Library.Replace("return 1", "return 2"));
        Assert.Equal(["FunctionDiffers Warning"], await FindingsOfAsync(slot));
        await slot.Target.SendAsync("FUNCTION", "LOAD", "REPLACE", Library);
        Assert.Empty((await PreflightRun.CheckAsync(slot)).Findings);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Nodes_with_different_bus_encryption_are_a_finding(string server)
    {
        using var authority = new TestAuthority();
        await using var cluster = await TestCluster.StartAsync(server, masters: 2, with: options => options with
        {
            Tls = authority.ServerFiles,
            Connection = new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = authority.CaPath } },
        });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        Assert.Empty((await PreflightRun.CheckAsync(slot)).Findings);

        await slot.Target.SendAsync("CONFIG", "SET", "tls-cluster", "no");
        Assert.Equal(["TlsMismatch Error"], await FindingsOfAsync(slot));
        // Now both agree on plain connections but have no port for them.
        await slot.Source.SendAsync("CONFIG", "SET", "tls-cluster", "no");
        Assert.Equal(["TlsMismatch"], await FindingsOfAsync(slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_warning_says_that_a_drained_master_becomes_a_replica(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        // Assigns one slot to the last master, which has none.
        foreach (var node in new[] { 2, 0, 1 })
            await cluster.Node(node).SendAsync("CLUSTER", "SETSLOT", 7, "NODE", cluster.Node(2).Id);
        var slot = new MovingSlot(cluster, 7, cluster.Node(2), cluster.Node(1));
        var finding = Assert.Single((await PreflightRun.CheckAsync(slot)).Findings);
        Assert.Equal((PlanFindingCode.SourceBecomesReplica, slot.Source.Endpoint.ToString()), (finding.Code, finding.Target));
        await slot.Source.SendAsync("CONFIG", "SET", "cluster-allow-replica-migration", "no");
        Assert.Empty((await PreflightRun.CheckAsync(slot)).Findings);
    }

    // Redis 8.4 and later delete the imported keys when an importer stops importing, so there are no such keys.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task Keys_that_exist_on_the_target_are_a_finding(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", slot.Key("left"), "v");
        Assert.Empty((await PreflightRun.CheckAsync(slot)).Findings);
        await slot.Source.SendAsync("CLUSTER", "SETSLOT", 7, "STABLE");
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", 7, "STABLE");
        Assert.Equal(["StrayKeys Warning"], await FindingsOfAsync(slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Another_open_slot_of_the_same_nodes_is_a_finding(string server)
    {
        var slot = await clusters.SlotAsync(server);
        var other = await clusters.SlotAsync(server);
        await other.OpenAsync();
        Assert.Contains("OtherOpenSlots Information", await FindingsOfAsync(slot));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Facts_about_a_node_are_read_once_for_many_slots(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        using var run = new PreflightRun(slot);
        await run.CheckAsync(7);
        var first = run.Sent.Count;
        await run.CheckAsync(8);
        Assert.Empty(run.Sent);
        await run.CheckAsync(7);
        Assert.All(run.Sent, command => Assert.DoesNotMatch("^(CONFIG|ACL|CLIENT|FUNCTION|INFO)", command));
        Assert.InRange(first, 10, 60);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_user_without_read_permissions_gets_findings_but_no_failure(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await LimitAsync(slot.Target, 0);
        foreach (var rule in new[] { "-config -acl -client -function -memory -info", "-@all +cluster" })
        {
            slot.Session = await RestrictedUser.OnAsync(cluster.Nodes, rule);
            // One finding each for the source and the target, and one for all nodes: other runs can't be detected.
            Assert.Equal(
                ["RightsUnknown Warning", "RightsUnknown Warning", "OtherRunsUnseen Warning"], await FindingsOfAsync(slot));
        }
    }

    /// <summary>The code of a refusal, then the code and severity of each finding.</summary>
    internal static async Task<IReadOnlyList<string>> FindingsOfAsync(MovingSlot slot)
    {
        var result = await PreflightRun.CheckAsync(slot);
        var findings = result.Findings.Select(finding => finding.Code + " " + finding.Severity);
        return result.Refusal is { } refusal ? [refusal.Code.ToString(), .. findings] : [.. findings];
    }

    private static async Task FillAsync(MovingSlot slot, int number, int megabytes)
    {
        for (var i = 0; i < megabytes * 2; i++)
            await slot.OnSourceAsync("SETRANGE", slot.Key("k" + number + "-" + i), Megabyte / 2 - 100, "v");
    }

    // Sets maxmemory to this much more than the node uses now.
    private static async Task LimitAsync(LocalNode node, int megabytes)
    {
        var used = (await node.SendAsync("INFO", "memory")).Text.Split('\n').Single(line => line.StartsWith("used_memory:"))
            .Split(':')[1].Trim();
        await node.SendAsync("CONFIG", "SET", "maxmemory", long.Parse(used) + (long)megabytes * Megabyte);
    }
}
