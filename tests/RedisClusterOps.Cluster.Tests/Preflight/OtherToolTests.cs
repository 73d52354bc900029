using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Preflight;

/// <summary>Another tool is detected while it changes slots, and neither before nor after.</summary>
public sealed class OtherToolTests
{
    private const int Checks = 6;

    public static TheoryData<string, bool> Tools
    {
        get
        {
            var data = new TheoryData<string, bool>();
            foreach (var row in Servers.RedisAndValkey)
            {
                foreach (var withKeys in new[] { false, true })
                {
                    if (Servers.IsTaken(row.Data, withKeys ? 2 : 0))
                        data.Add(row.Data, withKeys);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Tools))]
    public async Task A_plan_is_refused_while_the_own_tool_of_the_servers_reshards(string server, bool withKeys)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        // The planned slot is far from those that the other tool moves.
        var slot = new MovingSlot(cluster, 8000);
        if (withKeys)
            await FillAsync(cluster.Node(0), slots: 600, keys: 40);
        Assert.Null((await PreflightRun.CheckAsync(slot)).Refusal);

        using var tool = Start(server, cluster, slots: 7000);
        try
        {
            await UntilSlotsMoveAsync(cluster.Node(0), tool);
            for (var i = 0; i < Checks; i++)
            {
                var refusal = (await PreflightRun.CheckAsync(slot)).Refusal;
                Assert.False(tool.HasExited, "The tool finished before the checks did.");
                Assert.True(refusal is not null, "The tool was not detected in check " + i + ".");
                Assert.Equal(FailureCode.AnotherToolAtWork, refusal.Code);
                Assert.Contains(refusal.Subject!, cluster.Endpoints.Select(node => node.ToString()));
                Assert.Matches(
                    "at 127.0.0.1:[0-9]+ is changing slots now: (migrate|cluster[|]\\w+) on " + refusal.Subject, refusal.Message);
            }

            // A repair of the whole cluster is refused once, not for every slot that the tool has open.
            await slot.OpenAsync();
            using var core = new RedisCluster(slot.Session);
            var repair = await Assert.ThrowsAsync<RedisOperationException>(
                () => core.PlanRepairAsync(new RepairOptions(), new MoveOptions(), default));
            Assert.False(tool.HasExited, "The tool finished before a repair was planned.");
            Assert.Equal(FailureCode.AnotherToolAtWork, repair.Code);
        }
        finally
        {
            tool.Kill();
            await tool.WaitForExitAsync();
        }

        await UntilAsync(async () => (await PreflightRun.CheckAsync(slot)).Refusal is null);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task An_idle_client_that_set_a_flag_a_moment_ago_costs_a_short_wait_but_no_refusal(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        using var run = new PreflightRun(slot);
        await run.CheckAsync(slot.Slot + 1);
        using var operating = await StrangerAsync(slot.Source);
        await operating.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", slot.Slot, "MIGRATING", slot.Target.Id), default);

        using var second = new PreflightRun(slot);
        Assert.Null((await second.CheckAsync(slot.Slot)).Refusal);
        Assert.Contains("INFO commandstats", second.Sent);
        // An eighth of a second, minus one tick of the timer; and no second wait, however busy the machine is.
        Assert.InRange(second.Took, TimeSpan.FromMilliseconds(110), TimeSpan.FromSeconds(2) + (5 * run.Took));
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task Another_run_of_this_module_is_named_as_such(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        using var other = await StrangerAsync(slot.Source);
        await other.SendAsync(RespCommand.Of("CLIENT", "SETNAME", "redisclusterops-elsewhere-17"), default);
        var working = true;
        var work = Task.Run(async () =>
        {
            while (working)
                await other.SendAsync(RespCommand.Of("CLUSTER", "SETSLOT", 9, "STABLE"), default);
        });
        try
        {
            var refusal = (await PreflightRun.CheckAsync(slot)).Refusal;
            Assert.Equal(FailureCode.AnotherToolAtWork, refusal?.Code);
            Assert.StartsWith("Another run of this module (redisclusterops-elsewhere-17) at 127.0.0.1:", refusal!.Message);
        }
        finally
        {
            working = false;
            await work;
        }
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task Our_own_connections_are_not_another_tool(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7);
        await slot.OpenAsync();
        using var run = new PreflightRun(slot);
        Assert.Null((await run.CheckAsync(slot.Slot)).Refusal);
        Assert.DoesNotContain("INFO commandstats", run.Sent);
    }

    private static async Task<INodeConnection> StrangerAsync(LocalNode node)
    {
        var connection = await node.ConnectAsync();
        await connection.SendAsync(RespCommand.Of("CLIENT", "SETNAME", "operator"), default);
        return connection;
    }

    private static Process Start(string server, TestCluster cluster, int slots)
    {
        var cli = Servers.Get(server).Kind == ServerEngine.Valkey ? "valkey-cli" : "redis-cli";
        string[] arguments =
        [
            "--cluster", "reshard", cluster.Node(0).Endpoint.ToString(), "--cluster-from", cluster.Node(0).Id,
            "--cluster-to", cluster.Node(2).Id, "--cluster-slots", slots.ToString(CultureInfo.InvariantCulture), "--cluster-yes",
        ];
        var start = new ProcessStartInfo(Path.Combine(Path.GetDirectoryName(Servers.Get(server).Path)!, cli), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static Task UntilSlotsMoveAsync(LocalNode source, Process tool) => UntilAsync(async () =>
    {
        Assert.False(tool.HasExited, "The tool ended before it moved a slot.");
        return (await source.SendAsync("INFO", "commandstats")).Text.Contains("cmdstat_cluster|setslot:", StringComparison.Ordinal);
    });

    private static async Task FillAsync(LocalNode node, int slots, int keys)
    {
        using var connection = await node.ConnectAsync();
        for (var slot = 0; slot < slots; slot++)
        {
            var tag = System.Text.Encoding.UTF8.GetString(LabWedge.KeysOf(slot, 1)[0]);
            var writes = Enumerable.Range(0, keys).Select(i => RespCommand.Of("SET", "{" + tag + "}" + i, "v"));
            var replies = await connection.SendAsync([.. writes], null, default);
            Assert.All(replies, reply => Assert.Equal("OK", reply.Text));
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var clock = Stopwatch.StartNew(); !await holds(); await Task.Delay(20))
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15));
    }
}
