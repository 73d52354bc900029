using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Repair;

/// <summary>A rebalance of ten masters was interrupted. One repair closes all thousand open slots.</summary>
public sealed class ManyOpenSlotsTests(ITestOutputHelper output)
{
    private const int MasterCount = 10;
    private const int SlotsEach = 100;
    private const int KeysEach = 40;
    private const int MovedEach = 15;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task A_thousand_open_slots_are_closed_by_one_repair(string server)
    {
        await using var cluster = await StartAsync(server);
        var keys = await WedgeAsync(cluster);
        var sends = new ConcurrentDictionary<string, int>();
        var session = new RedisClusterSession([cluster.Node(0).Endpoint], cluster.Connection);
        var connector = new HookedConnector(new NodeConnector(session.Options), (_, commands) =>
        {
            sends.AddOrUpdate("round trips", 1, (_, count) => count + 1);
            foreach (var command in commands)
                sends.AddOrUpdate(NameOf(command.ToString()), 1, (_, count) => count + 1);
            return Task.CompletedTask;
        });
        var clock = Stopwatch.StartNew();
        using var core = new RedisCluster(session, connector, null);
        var plans = await core.PlanRepairAsync(new RepairOptions(), new MoveOptions(), default);
        var planned = clock.Elapsed;
        Assert.Equal(MasterCount * SlotsEach, plans.Count);
        await core.RecordPlansAsync(plans, default);
        Assert.All(plans, plan => Assert.True(RedisCluster.GoesTogether(plan)));
        var run = await core.RunTogetherAsync(plans, default);
        var repaired = new List<int>();
        while (await run.NextAsync() is { } outcomes)
        {
            foreach (var outcome in outcomes)
            {
                Assert.True(outcome.Failure is null, outcome.Failure?.ToString());
                Assert.Equal((MigrationOutcome.Repaired, "Repair"), (outcome.Result.Outcome, outcome.Result.Operation));
                repaired.Add(outcome.Result.Slot);
            }
        }

        Assert.Equal(plans.Select(plan => plan.Slot), repaired.Order());

        var counts = string.Join(", ", sends.OrderByDescending(count => count.Value).Select(count => count.Key + " " + count.Value));
        output.WriteLine(
            "{0}: planned in {1:0.0} s, repaired in {2:0.0} s; {3}", server, planned.TotalSeconds, clock.Elapsed.TotalSeconds, counts);
        Assert.Empty(await core.GetOpenSlotsAsync(null, default));
        await AssertKeysAsync(cluster, keys);
    }

    // redis-cli does not prompt when its input is not a terminal.
    [Fact(Explicit = true)]
    public async Task The_same_with_the_own_tool_of_the_servers()
    {
        await using var cluster = await StartAsync(Servers.Redis70);
        await WedgeAsync(cluster);
        var program = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Servers.Get(Servers.Redis70).Path)!, "redis-cli");
        var clock = Stopwatch.StartNew();
        string[] arguments = ["--cluster", "fix", cluster.Node(0).Endpoint.ToString(), "--cluster-yes"];
        using var tool = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var text = await tool.StandardOutput.ReadToEndAsync();
        await tool.WaitForExitAsync();
        var last = string.Join(" / ", text.Split('\n').TakeLast(4));
        output.WriteLine(
            "redis-cli --cluster fix: {0:0.0} s, exit {1}, last lines: {2}", clock.Elapsed.TotalSeconds, tool.ExitCode, last);
        Assert.Equal(0, tool.ExitCode);
    }

    private static string NameOf(string command) => command.Split(' ') is ["CLUSTER", var what, ..] parts
        ? "CLUSTER " + what + (what == "SETSLOT" ? " " + parts[3] : string.Empty)
        : command.Split(' ')[0];

    private static Task<TestCluster> StartAsync(string server) => TestCluster.StartAsync(
        server, MasterCount, 0, options => options with { Slots = LocalClusterOptions.SharesFor(MasterCount, MasterCount) });

    /// <summary>Opens the first slots of each master towards the next one, with keys on both.</summary>
    private static async Task<IReadOnlyList<byte[]>> WedgeAsync(TestCluster cluster)
    {
        var all = new List<byte[]>();
        for (var master = 0; master < MasterCount; master++)
        {
            var (source, target) = (cluster.Node(master), cluster.Node((master + 1) % MasterCount));
            var first = LocalClusterOptions.SharesFor(MasterCount, MasterCount)[master][0].First;
            var keys = Enumerable.Range(first, SlotsEach).ToDictionary(slot => slot, slot => LabWedge.KeysOf(slot, KeysEach));
            await SlotScene.PipelineAsync(
                source, keys.Values.SelectMany(names => names).Select(key => RespCommand.Of("SET", key, LabWedge.ValueOf(key))));
            await SlotScene.PipelineAsync(
                target, keys.Keys.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "IMPORTING", source.Id)));
            await SlotScene.PipelineAsync(
                source, keys.Keys.Select(slot => RespCommand.Of("CLUSTER", "SETSLOT", slot, "MIGRATING", target.Id)));
            var (host, port) = (target.Endpoint.Host, target.Endpoint.Port);
            await SlotScene.PipelineAsync(
                source,
                keys.Values.Select(names => RespCommand.Of(["MIGRATE", host, port, "", 0, 20_000, "KEYS", .. names.Take(MovedEach)])));
            all.AddRange(keys.Values.SelectMany(names => names));
        }

        return all;
    }

    // Every key is on its owner, and there are no other keys.
    private static async Task AssertKeysAsync(TestCluster cluster, IReadOnlyList<byte[]> keys)
    {
        var sizes = await Task.WhenAll(cluster.Nodes.Select(async node => (await node.SendAsync("DBSIZE")).Integer));
        Assert.Equal(keys.Count, sizes.Sum());
        for (var master = 0; master < MasterCount; master++)
        {
            var part = keys.Skip(master * SlotsEach * KeysEach).Take(SlotsEach * KeysEach).ToList();
            using var connection = await cluster.Node((master + 1) % MasterCount).ConnectAsync();
            var values = await connection.SendAsync([.. part.Select(key => RespCommand.Of("GET", key))], null, default);
            var wrong = part.Where((key, i) => values[i].IsError || values[i].IsNull || values[i].Text != LabWedge.ValueOf(key));
            Assert.Empty(wrong.Select(Printable.Quote));
        }
    }
}
