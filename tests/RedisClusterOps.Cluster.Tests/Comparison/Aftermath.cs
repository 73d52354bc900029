using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Completion;
using RedisClusterOps.Lab;
using RedisClusterOps.Protocol;

namespace RedisClusterOps.Cluster.Tests.Comparison;

/// <summary>The state of a slot afterwards, measured on every node: its owner, the flags that are left, and its keys.</summary>
internal static class Aftermath
{
    private const string NoOwner = "no owner";
    private static readonly TimeSpan GossipTime = TimeSpan.FromSeconds(6);

    /// <summary>Such as <c>T owns it; all keys correct</c>.</summary>
    /// <param name="anyOwner">True if any master may own it.</param>
    public static async Task<string> OfAsync(SlotScene scene, bool anyOwner)
    {
        LocalNode[] nodes = [.. scene.Cluster.Nodes.Where(node => node.IsRunning)];
        var owner = await OwnerAsync(scene, nodes);
        var masters = new List<(LocalNode Node, NodeLine Line)>();
        foreach (var node in nodes)
        {
            if (await TestCluster.OwnLineOfAsync(node) is { IsMaster: true } line)
                masters.Add((node, line));
        }

        var flags = masters.SelectMany(master => Flags(scene, master.Node, master.Line)).ToList();
        var keys = await KeysAsync(scene, [.. masters.Select(master => master.Node)], isServed: owner != NoOwner);
        var isOwnedByMaster = owner is "S owns it" or "T owns it" or "X owns it";
        var found = anyOwner && isOwnedByMaster ? "a master owns it" : owner;
        return string.Join(", ", [found, .. flags]) + "; " + string.Join(", ", keys);
    }

    /// <summary>S, T, X, or the replica of one of them.</summary>
    public static string NameOf(SlotScene scene, string id)
    {
        if (scene.Cluster.Nodes.FirstOrDefault(node => node.Id == id) is not { } node)
            return "an unknown node";
        if (scene.Cluster.Masters.Contains(node))
            return node == scene.Source ? "S" : node == scene.Target ? "T" : "X";
        return NameOf(scene, scene.Cluster.Masters[node.Index - scene.Cluster.Masters.Count].Id) + "'s replica";
    }

    // Waits for gossip. Contradictions that are left after that are permanent.
    private static async Task<string> OwnerAsync(SlotScene scene, IReadOnlyList<LocalNode> nodes)
    {
        var until = DateTime.UtcNow + GossipTime;
        while (true)
        {
            var (claims, opinions) = (new List<string>(), new HashSet<string>());
            foreach (var node in nodes)
            {
                var view = await TestCluster.ViewOfAsync(node);
                opinions.Add(view.FirstOrDefault(line => line.Slots.Contains(scene.Slot))?.Id ?? string.Empty);
                if (view.Any(line => (line.Flags & NodeFlags.Myself) != 0 && line.IsMaster && line.Slots.Contains(scene.Slot)))
                    claims.Add(node.Id);
            }

            var agreed = opinions.Count == 1 && (claims.Count == 1 || opinions.Contains(string.Empty));
            if (agreed || DateTime.UtcNow > until)
            {
                return claims.Count switch
                {
                    0 when opinions.Count == 1 && opinions.Single() is { Length: > 0 } absent =>
                        NameOf(scene, absent) + " owns it and is down",
                    0 => NoOwner,
                    1 => NameOf(scene, claims[0]) + " owns it" + (agreed ? string.Empty : " and not all agree"),
                    _ => string.Join(" and ", claims.Select(id => NameOf(scene, id)).Order()) + " both claim it",
                };
            }

            await Task.Delay(100);
        }
    }

    private static IEnumerable<string> Flags(SlotScene scene, LocalNode node, NodeLine line)
    {
        if (line.MigratingTo.TryGetValue(scene.Slot, out var to))
            yield return NameOf(scene, node.Id) + " migrates to " + NameOf(scene, to);
        if (line.ImportingFrom.TryGetValue(scene.Slot, out var from))
            yield return NameOf(scene, node.Id) + " imports from " + NameOf(scene, from);
    }

    private static async Task<IReadOnlyList<string>> KeysAsync(SlotScene scene, IReadOnlyList<LocalNode> masters, bool isServed)
    {
        var held = new List<string>();
        foreach (var node in masters)
            held.AddRange((await node.SendAsync("CLUSTER", "GETKEYSINSLOT", scene.Slot, 1000)).Items.Select(key => key.Text));
        if (scene.Keys.Count == 0)
            return ["no key"];
        int lost = 0, hidden = 0, twice = 0;
        var found = new List<string>();
        using var client = scene.Cluster.Client();
        foreach (var (key, name) in scene.Keys.Select((key, i) => (key, scene.KeyName(i))))
        {
            var copies = held.Count(other => other == name);
            var value = isServed ? await ReadAsync(client, key) : null;
            lost += copies == 0 ? 1 : 0;
            hidden += copies > 0 && value is null ? 1 : 0;
            twice += copies > 1 ? 1 : 0;
            if (value == FixCase.Rival)
                found.Add("T's value is read");
            else if (value is not null && !value.StartsWith(LabWedge.ValueOf(key), StringComparison.Ordinal))
                found.Add("a wrong value is read");
        }

        Count(lost, "lost");
        Count(hidden, "hidden");
        Count(twice, "on two nodes");
        return found.Count > 0 ? found : ["all keys correct"];

        void Count(int keys, string what)
        {
            if (keys > 0)
                found.Add(keys + (keys == 1 ? " key " : " keys ") + what);
        }
    }

    private static async Task<string?> ReadAsync(RedirectFollower client, byte[] key)
    {
        try
        {
            var reply = await client.AskAsync(key, RespCommand.Of("GETRANGE", key, 0, 100));
            return reply.IsError || reply.IsNull || reply.Text.Length == 0 ? null : reply.Text;
        }
        catch (RedisConnectionException)
        {
            return null;
        }
    }
}
