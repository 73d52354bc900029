using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Moves;

/// <summary>Whole slots move with keys of every kind, in several databases, and on clusters with passwords, users or TLS.</summary>
public sealed class EveryKeyTests(ITestOutputHelper output)
{
    private const int LargeSlot = 50_000;
    private const int InOneGo = 1_000;

    public static TheoryData<string, MoveMethod> Cases => MoveMethods.OneOfEach;

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Keys_of_every_type_and_name_and_a_large_slot(string server, MoveMethod method)
    {
        await using var cluster = await FilledCluster.StartAsync(server, keys: 5_000);
        var options = OptionsOf(method);
        using var core = new RedisCluster(cluster.Session);
        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
        // Valkey transfers a stream as commands, and no command creates an entry that is pending and deleted.
        var deletesPending = (server, method) != (Servers.Valkey91, MoveMethod.Atomic);
        // Slot 0 has the key with the empty name.
        int[] slots = [0, .. plan.Moves.SelectMany(move => new[] { move.Ranges[0].First + 1, move.Ranges[^1].Last })];
        var keyspaces = slots.Distinct().Select(slot => new Keyspace(slot, deletesPending: deletesPending)).ToList();
        foreach (var keyspace in keyspaces)
        {
            using var client = cluster.Cluster.Client();
            await keyspace.WriteAsync(client);
        }

        var large = cluster.Cluster.NodeOf(plan.Moves[1].SourceId);
        var tag = Tag(plan.Moves[1].Ranges[0].First + 500);
        await SendAsync(large, Enumerable.Range(0, LargeSlot).Select(number => RespCommand.Of("SET", "{" + tag + "}:" + number, number)));
        var keys = await CountAsync(cluster, 0);

        var clock = Stopwatch.StartNew();
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
        output.WriteLine(
            "{0} {1}: {2} keys in {3} ms", server, method, outcomes.Sum(outcome => outcome.Result.KeysMoved), clock.ElapsedMilliseconds);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Equal(4096, outcomes.Count);
        await cluster.AssertClosedAsync();
        Assert.Equal(keys, await CountAsync(cluster, 0));
        foreach (var keyspace in keyspaces)
        {
            using var client = cluster.Cluster.Client();
            var differences = await keyspace.DifferencesAsync(client);
            Assert.True(differences.Count == 0, string.Join("\n", differences));
        }

        var replies = await SendAsync(
            cluster.Cluster.NodeOf(plan.Moves[1].TargetId),
            Enumerable.Range(0, LargeSlot).Select(number => RespCommand.Of("GET", "{" + tag + "}:" + number)));
        Assert.Equal(Enumerable.Range(0, LargeSlot).Select(number => number.ToString()), replies.Select(reply => reply.Text));
    }

    [Theory]
    [InlineData(MoveMethod.KeyByKey)]
    [InlineData(MoveMethod.Atomic)]
    public async Task Keys_in_several_databases(MoveMethod method)
    {
        const int Databases = 4;
        await using var cluster = await FilledCluster.StartAsync(
            Servers.Valkey91, keys: 4_000, with: lab => lab with { ConfigLines = ["cluster-databases " + Databases] });
        var owners = await cluster.OwnersAsync();
        for (var database = 1; database < Databases; database++)
        {
            var select = RespCommand.Of("SELECT", database);
            foreach (var node in cluster.Nodes)
                await SendAsync(
                    node,
                    [select, .. Own(node).Select(number => RespCommand.Of("SET", FilledCluster.Name(number), database + " " + number))]);
        }

        using var core = new RedisCluster(cluster.Session);
        var options = OptionsOf(method);
        var plan = await core.PlanRebalanceAsync(new RebalanceOptions { UseEmptyMaster = true }, options, default);
        var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        owners = await cluster.OwnersAsync();
        Assert.Equal(cluster.OwnersIn(plan.After), owners);
        await cluster.AssertConsistentAsync();
        for (var database = 1; database < Databases; database++)
        {
            Assert.Equal(4_000, await CountAsync(cluster, database));
            foreach (var node in cluster.Nodes)
            {
                var replies = await SendAsync(
                    node,
                    [RespCommand.Of("SELECT", database), .. Own(node).Select(number => RespCommand.Of("GET", FilledCluster.Name(number)))]);
                Assert.Equal(Own(node).Select(number => database + " " + number), replies.Skip(1).Select(reply => reply.Text));
            }
        }

        IEnumerable<int> Own(LocalNode node) => Enumerable.Range(0, 4_000)
            .Where(number => owners[FilledCluster.SlotOf(FilledCluster.Name(number))] == node.Index);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Valkey91, MemberType = typeof(Servers))]
    public async Task On_a_cluster_with_a_password_and_as_a_named_user(string server)
    {
        const string Password = "Geheim-42";
        await using var cluster = await FilledCluster.StartAsync(server, keys: 5_000, with: lab => lab with
        {
            ConfigLines =
            [
                "cluster-allow-replica-migration no", "requirepass " + Password, "masterauth " + Password,
                "user operator on >" + Password + "-43 ~* &* +@all",
            ],
            Connection = new ConnectionOptions { Password = Password },
        });
        var user = new RedisClusterSession(
            [cluster.Nodes[0].Endpoint], new ConnectionOptions { User = "operator", Password = Password + "-43" });
        await ThereAndBackAsync(cluster, user, MoveMethod.KeyByKey);
        await ThereAndBackAsync(cluster, cluster.Session, MoveMethod.Auto);
    }

    [Theory]
    [MemberData(nameof(Servers.OneOf), Servers.Redis70, MemberType = typeof(Servers))]
    public async Task On_a_cluster_with_TLS(string server)
    {
        using var authority = new TestAuthority();
        await using var cluster = await FilledCluster.StartAsync(server, keys: 5_000, with: lab => lab with
        {
            Tls = authority.ServerFiles,
            ConfigLines = ["cluster-allow-replica-migration no"],
            Connection = new ConnectionOptions { Tls = new TlsOptions { CaCertificatePath = authority.CaPath } },
        });
        await ThereAndBackAsync(cluster, cluster.Session, MoveMethod.KeyByKey);
        await ThereAndBackAsync(cluster, cluster.Session, MoveMethod.Auto);
    }

    private static async Task ThereAndBackAsync(FilledCluster cluster, RedisClusterSession session, MoveMethod method)
    {
        var options = OptionsOf(method);
        var before = await cluster.OwnersAsync();
        var nodes = cluster.Nodes;
        var selection = new SlotSelection { Count = 600, Sources = [nodes[0].Id, nodes[1].Id], Target = nodes[^1].Id };
        string run;
        using (var core = new RedisCluster(session))
        {
            var plan = await core.PlanMoveAsync(selection, options, default);
            var outcomes = await MoveRuns.CarryOutAsync(core, plan, options);
            Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
            Assert.Equal(cluster.OwnersIn(plan.After), await cluster.OwnersAsync());
            await cluster.AssertConsistentAsync();
            run = outcomes[0].Result.MigrationId!;
        }

        using var later = new RedisCluster(session);
        var back = await later.PlanUndoOfMovesAsync(run, options, default);
        Assert.All(
            await MoveRuns.CarryOutAsync(later, back!, options), outcome => Assert.True(outcome.Failure is null, outcome.Failure?.Message));
        Assert.Equal(before, await cluster.OwnersAsync());
        await cluster.AssertConsistentAsync();
    }

    private static MoveOptions OptionsOf(MoveMethod method) => new() { Method = method, JournalPath = JournalOfTests.NewFolder() };

    private static string Tag(int slot) =>
        Enumerable.Range(0, int.MaxValue).Select(number => "tag" + number).First(tag => FilledCluster.SlotOf(tag) == slot);

    private static async Task<long> CountAsync(FilledCluster cluster, int database)
    {
        RespCommand[] commands = database == 0
            ? [RespCommand.Of("DBSIZE")]
            : [RespCommand.Of("SELECT", database), RespCommand.Of("DBSIZE")];
        var counts = await Task.WhenAll(cluster.Nodes.Select(node => SendAsync(node, commands)));
        return counts.Sum(replies => replies[^1].Integer);
    }

    private static async Task<List<RespValue>> SendAsync(LocalNode node, IEnumerable<RespCommand> commands)
    {
        using var connection = await node.ConnectAsync();
        var replies = new List<RespValue>();
        foreach (var part in commands.Chunk(InOneGo))
            replies.AddRange(await connection.SendAsync(part, null, default));
        Assert.All(replies, reply => Assert.False(reply.IsError, reply.Text));
        return replies;
    }
}
