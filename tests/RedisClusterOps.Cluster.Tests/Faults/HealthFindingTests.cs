using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Faults;

/// <summary>Every finding of a check on real servers, and none on a healthy cluster.</summary>
public sealed class HealthFindingTests
{
    internal static readonly ConnectionOptions Impatient = new() { ConnectTimeout = TimeSpan.FromMilliseconds(700) };

    [Theory]
    [MemberData(nameof(Servers.OneOfAll), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_healthy_cluster_has_no_findings_and_changes_are_found(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var health = await CheckAsync(cluster, new HealthOptions { Deep = true });
        Assert.True(health.Healthy);
        Assert.Empty(health.Findings);
        Assert.Equal(4, health.Nodes.Count);

        // Only masters with slots need replicas.
        health = await CheckAsync(cluster, new HealthOptions { MinimumReplica = 1 });
        Assert.Equal(
            cluster.Nodes.Take(3).Select(node => node.Endpoint.ToString()).Order(), Targets(health, FindingCode.TooFewReplicas).Order());
        Assert.False(health.Healthy);

        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        await slot.OpenAsync();
        health = await CheckAsync(cluster, new HealthOptions { Deep = true });
        var open = Assert.Single(health.Findings);
        Assert.Equal((FindingCode.SlotOpen, FindingSeverity.Error, "7"), (open.Code, open.Severity, open.Target));
        Assert.Equal("Complete-RedisSlotMigration -Slot 7", open.Advice);
        Assert.Equal(7, Assert.Single(health.OpenSlots).Slot);
        await slot.CompletedAsync();
        Assert.Empty((await CheckAsync(cluster, new HealthOptions { Deep = true })).Findings);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task Slots_without_an_owner_and_disputed_slots_are_found(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        await cluster.Node(0).SendAsync("CLUSTER", "DELSLOTS", 7);
        var health = await CheckAsync(cluster);
        Assert.Equal(["7"], Targets(health, FindingCode.SlotUncovered));
        Assert.Equal(["7"], Targets(health, FindingCode.SlotOwnerConflict));
        Assert.False(health.Healthy);
        await UntilFoundAsync(cluster, FindingCode.ClusterStateFail, cluster.Node(0).Endpoint.ToString());
    }

    // Redis 8.6 deletes hidden keys, so nothing is left to find there.
    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task Stray_keys_are_found_by_a_deep_check(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server);
        var slot = new MovingSlot(cluster, 7);
        await slot.OpenAsync();
        await slot.OnTargetAsync("SET", slot.Key("k"), "v");
        await slot.Source.SendAsync("CLUSTER", "SETSLOT", 7, "STABLE");
        await slot.Target.SendAsync("CLUSTER", "SETSLOT", 7, "STABLE");

        Assert.Empty((await CheckAsync(cluster)).Findings);
        var stray = Assert.Single((await CheckAsync(cluster, new HealthOptions { Deep = true })).Findings);
        Assert.Equal((FindingCode.StrayKeys, slot.Target.Endpoint.ToString()), (stray.Code, stray.Target));
        Assert.Contains("(7)", stray.Message);
    }

    [Theory]
    [InlineData(Servers.Redis86)]
    [InlineData(Servers.Valkey91)]
    public async Task A_running_atomic_migration_is_reported_as_information(string server)
    {
        await using var cluster = await TestCluster.StartAsync(
            server, with: options => options with { NodeTimeout = TimeSpan.FromSeconds(60) });
        var slot = new MovingSlot(cluster, 7);
        await slot.OnSourceAsync("SET", slot.Key("k"), "v");
        // The other node is frozen, so that the migration makes no progress.
        var (asked, frozen) = server == Servers.Redis86 ? (slot.Target, slot.Source) : (slot.Source, slot.Target);
        frozen.Stop();
        try
        {
            await (server == Servers.Redis86
                ? asked.SendAsync("CLUSTER", "MIGRATION", "IMPORT", 7, 7)
                : asked.SendAsync("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", 7, 7, "NODE", slot.Target.Id));
            slot.Session = new RedisClusterSession([cluster.Node(1).Endpoint], Impatient);
            using var redis = new RedisCluster(slot.Session);
            var found = (await redis.TestAsync(new HealthOptions(), default)).Findings;
            var running = Assert.Single(found, finding => finding.Code == FindingCode.AtomicMigrationRunning);
            Assert.Equal((FindingSeverity.Information, "7"), (running.Severity, running.Target));
            Assert.DoesNotContain(found, finding => finding.Code == FindingCode.SlotOpen);
            var refused = await Assert.ThrowsAnyAsync<RedisOperationException>(() => slot.CompleteAsync());
            Assert.Contains(refused.Code, new[] { FailureCode.SlotStateUnsuitable, FailureCode.NodeUnreachable });
        }
        finally
        {
            frozen.Continue();
        }
    }

    [Fact]
    public async Task Mixed_versions_are_reported_and_keys_move_to_the_newer_version_but_not_back()
    {
        await using var cluster = await TestCluster.StartAsync(Servers.Redis70, masters: 2);
        await using var newer = await TestCluster.StartAsync(Servers.Redis86, masters: 1, with: options => options with { Slots = [[]] });
        var added = newer.Node(0);
        await added.SendAsync("CLUSTER", "MEET", cluster.Node(0).Endpoint.Host, cluster.Node(0).Endpoint.Port);
        await UntilAsync(async () =>
        {
            foreach (var node in new[] { cluster.Node(0), cluster.Node(1), added })
            {
                var lines = await TestCluster.ViewOfAsync(node);
                if (lines.Count != 3
                    || lines.Any(line => !line.Connected || (line.Flags & NodeFlags.Handshake) != 0)
                    || lines.Select(line => line.ConfigEpoch).Distinct().Count() != 3)
                    return false;
            }

            return true;
        });
        await UntilAsync(async () => (await added.SendAsync("CLUSTER", "INFO")).Text.Contains("cluster_state:ok"));
        var mixed = Assert.Single((await CheckAsync(cluster)).Findings);
        Assert.Equal((FindingCode.MixedVersions, FindingSeverity.Information), (mixed.Code, mixed.Severity));
        Assert.Contains("Redis 7.0.", mixed.Message);
        Assert.Contains("Redis 8.6.", mixed.Message);

        // The copies below are equal but their dumps differ, because each version writes its own format.
        var forth = new MovingSlot(cluster, 7, cluster.Node(0), added);
        var (sorted, hash) = (forth.Key("sorted"), forth.Key("hash"));
        await forth.OnSourceAsync("ZADD", sorted, "0.1", "a", "1e300", "b", "-inf", "c", "3", "d");
        await forth.OnSourceAsync("HSET", hash, "f", "v");
        await forth.OpenAsync();
        await forth.OnTargetAsync("ZADD", sorted, "0.1", "a", "1e300", "b", "-inf", "c", "3", "d");
        await forth.OnTargetAsync("HSET", hash, "f", "v");
        Assert.NotEqual((await forth.SourceCopyAsync(sorted)).Dump, (await forth.TargetCopyAsync(sorted)).Dump);
        var result = await forth.CompletedAsync();
        Assert.Equal((2, 0), (result.KeysMoved, result.KeysConflicting));

        var back = new MovingSlot(cluster, 7, added, cluster.Node(1));
        await back.OpenAsync();
        using (var redis = new RedisCluster(back.Session))
        {
            var findings = (await redis.PlanCompletionAsync(7, null, null, new MoveOptions(), default)).Findings;
            Assert.Contains(findings, finding =>
                finding.Code == PlanFindingCode.VersionMismatch && finding.Message.Contains("An older target may reject"));
        }

        var failure = await back.FailsAsync(FailureCode.KeyRefused);
        Assert.Contains("DUMP payload", failure.Message);
        Assert.Equal(2, await back.KeysOnSourceAsync());
    }

    internal static async Task<RedisClusterHealth> CheckAsync(
        TestCluster cluster, HealthOptions? options = null, ConnectionOptions? connection = null)
    {
        var session = new RedisClusterSession([cluster.Node(0).Endpoint], connection ?? cluster.Connection);
        using var redis = new RedisCluster(session) { NextActionText = NextActionText.Of };
        return await redis.TestAsync(options ?? new HealthOptions(), default);
    }

    internal static IEnumerable<string> Targets(RedisClusterHealth health, FindingCode code) =>
        health.Findings.Where(finding => finding.Code == code).SelectMany(finding => finding.Target.Split(','));

    internal static async Task<RedisClusterHealth> UntilFoundAsync(TestCluster cluster, FindingCode code, string target)
    {
        var found = "nothing";
        RedisClusterHealth? health = null;
        await UntilAsync(
            async () =>
            {
                health = await CheckAsync(cluster, null, cluster.Connection with { ConnectTimeout = TimeSpan.FromMilliseconds(700) });
                found = string.Join(", ", health.Findings.Select(finding => finding.Code + " " + finding.Target));
                return Targets(health, code).Contains(target);
            },
            () => code + " " + target + " is not among: " + found);
        return health!;
    }

    internal static async Task UntilAsync(Func<Task<bool>> holds, Func<string>? otherwise = null)
    {
        var until = DateTime.UtcNow.AddSeconds(30);
        while (!await holds())
        {
            Assert.True(DateTime.UtcNow < until, otherwise?.Invoke() ?? "The expected state was not reached within 30 seconds.");
            await Task.Delay(100);
        }
    }
}
