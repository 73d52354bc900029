using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Crashes;
using RedisClusterOps.Cluster.Tests.Kills;
using RedisClusterOps.Cluster.Tests.Processes;
using RedisClusterOps.Cluster.Tests.Shell;
using RedisClusterOps.Driver;
using RedisClusterOps.Lab;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Members;

/// <summary>
/// A process that adds, attaches, promotes or removes a node is killed with SIGKILL before or after any of its commands. The same line
/// again completes the change: no node is half-known, and no key is lost.
/// </summary>
public sealed class KilledChangeTests(ITestOutputHelper output)
{
    private const int Keys = 300;

    // A process dies before or after its n-th command, so this moment is before or after command number moment / 2 + 1. A short proof
    // takes every seventh moment.
    private static readonly int Step = KillCase.IsFullProof ? 1 : 7;

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis86, MemberType = typeof(Servers))]
    public async Task After_a_kill_at_any_command_the_same_line_completes_the_change(string server)
    {
        // Three masters with slots, one without, and replicas of the first two.
        await using var cluster = await StartAsync(server, replicas: 2);
        var scene = new Scene(cluster);
        await scene.WriteAsync();
        var (coming, replica) = (cluster.Node(3), cluster.Node(4));
        await scene.RunAsync(Attach());
        var kills = new Dictionary<DriverOperation, int>();
        var ended = new HashSet<DriverOperation>();
        for (var moment = DyingConnector.FirstMoment(Step, server); ended.Count < 4; moment += Step)
        {
            var former = await IdAsync(coming);
            await ChangeAsync(new DriverRequest { Operation = DriverOperation.RemoveNode, Node = moment % 3 == 0 ? former : Name(coming) });
            await scene.AssertForgottenAsync(former, coming);
            await ChangeAsync(new DriverRequest { Operation = DriverOperation.AddNode, Node = Name(coming) });
            await scene.AssertListedAsync(await IdAsync(coming));
            await ChangeAsync(Attach());
            Assert.Equal(await IdAsync(coming), (await TestCluster.OwnLineOfAsync(replica)).MasterId);
            var next = (await TestCluster.OwnLineOfAsync(cluster.Node(5))).IsMaster ? cluster.Node(1) : cluster.Node(5);
            await ChangeAsync(new DriverRequest { Operation = DriverOperation.FailOver, Node = Name(next) });
            Assert.True((await TestCluster.OwnLineOfAsync(next)).IsMaster);
            await scene.AssertKeysAsync();

            async Task ChangeAsync(DriverRequest request)
            {
                var death = new DriverDeath(moment / 2 + 1, moment % 2 == 1);
                using var process = await scene.StartAsync(request with { Death = death });
                var end = await process.EndAsync();
                if (end.ExitCode == 0)
                {
                    // It has fewer commands.
                    ended.Add(request.Operation);
                    return;
                }

                Assert.True(end.ExitCode == 137, request.Operation + " at " + death + ": " + end.FirstFailure);
                kills[request.Operation] = kills.GetValueOrDefault(request.Operation) + 1;
                await scene.RunAsync(request);
            }
        }

        await scene.AssertSettledAsync();
        output.WriteLine("{0}: {1}", server, string.Join(", ", kills.Select(kill => kill.Value + " kills of " + kill.Key)));
        // One failover and one meeting have one command each, a removal a command for each node at least.
        Assert.True(!KillCase.IsFullProof || (kills[DriverOperation.RemoveNode] >= 14 && kills.Count == 4), "Fewer kills than moments.");

        DriverRequest Attach() => new() { Operation = DriverOperation.SetReplica, Node = Name(replica), Master = Name(coming) };
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task A_removal_that_was_killed_while_it_drained_the_node_is_completed_by_the_same_line(string server)
    {
        var rounds = KillCase.IsFullProof ? 6 : 1;
        for (var round = 0; round < rounds; round++)
        {
            await using var cluster = await StartAsync(server, replicas: 1);
            var scene = new Scene(cluster);
            await scene.WriteAsync(20_000);
            var leaving = cluster.Node(0);
            var slots = (await TestCluster.OwnLineOfAsync(leaving)).Slots.Count;
            var line = $"Remove-RedisClusterNode {Name(leaving)} -Drain -Reset -Cluster {Name(cluster.Node(1))} -Confirm:$false "
                + "-ErrorAction Stop";
            using (var process = await CmdletShell.StartAsync(line))
            {
                var left = slots - 1 - slots * round / (2 * rounds);
                await KillScene.UntilAsync(async () =>
                    process.HasExited || (await TestCluster.OwnLineOfAsync(leaving)).Slots.Count <= left);
                Assert.True(await process.KillAsync(), "The removal ended before it was killed.");
            }

            var own = await TestCluster.OwnLineOfAsync(leaving);
            using (var again = await CmdletShell.StartAsync(line))
                (await again.EndAsync()).AssertExited(0);
            output.WriteLine(
                "{0} {1}: killed with {2} of {3} slots left, {4} open", server, round, own.Slots.Count, slots, own.MigratingTo.Count);
            await scene.AssertForgottenAsync(leaving.Id, leaving);
            await scene.AssertKeysAsync();
            await scene.AssertSettledAsync();
        }
    }

    private static Task<TestCluster> StartAsync(string server, int replicas) =>
        TestCluster.StartAsync(server, 4, replicas, options => options with { NodeTimeout = TimeSpan.FromSeconds(2) });

    private static string Name(LocalNode node) => node.Endpoint.ToString();

    private static async Task<string> IdAsync(LocalNode node) => (await TestCluster.OwnLineOfAsync(node)).Id;

    /// <summary>A cluster with keys, and a journal of its own.</summary>
    private sealed class Scene(TestCluster cluster)
    {
        private readonly string _journal = JournalOfTests.NewFolder();
        private int _keys;

        public async Task WriteAsync(int keys = Keys)
        {
            _keys = keys;
            foreach (var (node, names) in await ByOwnerAsync())
                await node.SendAsync(["MSET", .. names.SelectMany(name => new object[] { name, name })]);
        }

        public Task<OperationProcess> StartAsync(DriverRequest request) => OperationProcess.StartAsync(request with
        {
            Cluster = Name(cluster.Node(2)),
            Options = new MoveOptions { JournalPath = _journal },
        });

        public async Task RunAsync(DriverRequest request)
        {
            using var process = await StartAsync(request);
            var end = await process.EndAsync();
            Assert.True(end.ExitCode == 0, request.Operation + ": " + end.FirstFailure);
        }

        /// <summary>No other node lists the node, and it lists no other.</summary>
        public async Task AssertForgottenAsync(string id, LocalNode gone)
        {
            foreach (var node in cluster.Nodes.Where(node => node != gone))
                Assert.DoesNotContain(await TestCluster.ViewOfAsync(node), line => line.Id == id);
            Assert.NotEqual(id, Assert.Single(await TestCluster.ViewOfAsync(gone)).Id);
        }

        /// <summary>Every node lists exactly the nodes of the cluster, and this one is among them.</summary>
        public async Task AssertListedAsync(string id)
        {
            foreach (var node in cluster.Nodes)
            {
                var view = (await TestCluster.ViewOfAsync(node)).Where(line => (line.Flags & NodeFlags.Handshake) == 0).ToList();
                Assert.Contains(view, line => line.Id == id);
                Assert.Equal(cluster.Nodes.Count, view.Count);
            }
        }

        public async Task AssertKeysAsync()
        {
            foreach (var (node, names) in await ByOwnerAsync())
                Assert.Equal(names, (await node.SendAsync(["MGET", .. names])).Items.Select(value => value.Text));
        }

        public async Task AssertSettledAsync()
        {
            for (var until = DateTime.UtcNow.AddSeconds(60); ; await Task.Delay(100))
            {
                using var core = new RedisCluster(new RedisClusterSession([cluster.Node(2).Endpoint], cluster.Connection));
                var health = await core.TestAsync(new HealthOptions { Deep = true }, default);
                if (health.Healthy)
                    break;
                Assert.True(DateTime.UtcNow < until, string.Join("; ", health.Findings.Select(finding => finding.Message)));
            }

            Assert.DoesNotContain(RedisCluster.GetMigrations(_journal, null), run => run.IsRunning);
        }

        // One hash tag for each batch, so that a batch has one slot.
        private async Task<IReadOnlyList<(LocalNode Node, IReadOnlyList<string> Names)>> ByOwnerAsync()
        {
            var owners = new Dictionary<int, LocalNode>();
            foreach (var node in cluster.Nodes)
            {
                foreach (var slot in (await TestCluster.OwnLineOfAsync(node)).Slots.Slots)
                    owners[slot] = node;
            }

            return
            [
                .. Enumerable.Range(0, _keys).GroupBy(number => "{tag" + (number % 300) + "}").Select(group =>
                    (owners[HashSlot.Of(Encoding.UTF8.GetBytes(group.Key))],
                    (IReadOnlyList<string>)[.. group.Select(number => group.Key + number)])),
            ];
        }
    }
}
