using System;
using System.Linq;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Sends commands to the nodes of a scene, as a tool without the laws does, and counts what is lost.</summary>
internal sealed class BareCluster
{
    private const int Part = SlotMap.MovingPart;

    public BareCluster(ServerRules rules, Start start = Start.Stable, SceneOptions? options = null, int seed = 1)
    {
        Scene = new Scene(rules, start, seed, (options ?? new SceneOptions()) with { Clients = 0 });
        Cluster.Trace = [];
    }

    public Scene Scene { get; }

    public SimulatedCluster Cluster => Scene.Cluster;

    public SimulatedNode Source => Scene.Source;

    public SimulatedNode Target => Scene.Target;

    public SimulatedNode Other => Cluster.Nodes[2];

    /// <summary>The replica of the source.</summary>
    public SimulatedNode Replica => Cluster.Nodes[4];

    /// <summary>The number of acknowledged keys of the slot that no running master can return any more.</summary>
    public int Lost => Cluster.Ledger.Written.Count(pair => SlotMap.PartOf(SlotMap.Bytes(pair.Key.Key)) == Part
        && !Cluster.Nodes.Any(node => node.IsUp && node.IsMaster && node.Keys.Get(pair.Key.Database, Part, pair.Key.Key) is not null));

    public static string Ask(SimulatedNode node, params object[] words)
    {
        var reply = node.Do(RespCommand.Of(words), new ConnectionState());
        return reply.Kind == RespKind.Integer ? reply.Integer.ToString(System.Globalization.CultureInfo.InvariantCulture) : reply.Text;
    }

    public static void Send(SimulatedNode node, params object[] words) => Assert.Equal("OK", Ask(node, words));

    public static void SetSlot(SimulatedNode node, string action, SimulatedNode peer) =>
        Send(node, "CLUSTER", "SETSLOT", SlotMap.Moving, action, peer.Id);

    /// <summary>Opens the slot and moves its keys, with no handover.</summary>
    public void MoveKeys()
    {
        SetSlot(Target, "IMPORTING", Source);
        SetSlot(Source, "MIGRATING", Target);
        var keys = Source.AllKeys().Where(key => key.Part == Part).Select(key => (object)SlotMap.Bytes(key.Key)).ToArray();
        Send(Source, ["MIGRATE", Target.Endpoint.Host, Target.Endpoint.Port, "", 0, 5000, "KEYS", .. keys]);
        Pass(5);
    }

    /// <summary>Clients write new keys of the slot to a node.</summary>
    public void Write(SimulatedNode node, int keys)
    {
        for (var i = 0; i < keys; i++)
        {
            var key = SlotMap.KeyOf(SlotMap.Moving, "later" + i);
            Send(node, "SET", SlotMap.Bytes(key), "new");
            Cluster.Ledger.Acknowledged(0, key, new StoredValue("new"));
        }
    }

    /// <summary>A node dies and every other one forgets it.</summary>
    public void DieAndBeForgotten(SimulatedNode node)
    {
        node.Crash();
        foreach (var other in Cluster.Nodes.Where(other => other.IsUp))
            Send(other, "CLUSTER", "FORGET", node.Id);
    }

    public static void TakeOver(SimulatedNode replica) => Send(replica, "CLUSTER", "FAILOVER", "TAKEOVER");

    public void Pass(double milliseconds) => Cluster.Clock.Pass(TimeSpan.FromMilliseconds(milliseconds));

    /// <summary>What one node says about another in CLUSTER NODES; null if it does not list it.</summary>
    public static string? LineOf(SimulatedNode view, SimulatedNode about) =>
        view.DescribeNodes().Split('\n').FirstOrDefault(line => line.StartsWith(about.Id, StringComparison.Ordinal));

    public override string ToString() => string.Join('\n', Cluster.Trace!);
}
