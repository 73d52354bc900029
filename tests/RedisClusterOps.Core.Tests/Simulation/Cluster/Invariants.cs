using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>The invariants that always hold. Every violation is added to the ledger under its name.</summary>
internal static class Invariants
{
    /// <summary>Checks I1 and I3 in a settled cluster, for any outcome of the operation.</summary>
    public static void RequireQuiet(SimulatedCluster cluster)
    {
        cluster.Ledger.RequireNothingLost();
        var up = cluster.Nodes.Where(node => node.IsUp).ToList();
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            var owners = up.Select(node => node.Owner[part]).Distinct().ToList();
            if (owners.Count != 1 || owners[0] == SimulatedNode.NoNode)
                cluster.Ledger.Violate(
                    "I3: part " + part + " is owned by "
                        + string.Join(", ", up.Select(node => "n" + node.Owner[part] + " according to " + node)));
        }
    }

    /// <summary>Checks I1 to I5 in a settled cluster after a success.</summary>
    /// <param name="owner">The expected owner of the moving slot.</param>
    /// <param name="strays">True if there were stray keys before that the operation does not have to move.</param>
    public static void RequireDone(SimulatedCluster cluster, int owner, bool strays = false)
    {
        RequireQuiet(cluster);
        foreach (var master in cluster.Nodes.Where(node => node.IsUp && node.IsMaster))
        {
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                if (master.Migrating[part] != SimulatedNode.NoNode || master.Importing[part] != SimulatedNode.NoNode)
                    cluster.Ledger.Violate("I4: " + master + " still has part " + part + " open");
                var mayHold = strays || master.Owner[part] == master.Index || cluster.Ledger.AreCopies(part, master);
                if (!mayHold && master.Keys.CountIn(part) > 0)
                    cluster.Ledger.Violate(
                        "I5: " + master + " holds " + master.Keys.CountIn(part) + " keys of part " + part + ", which it does not own");
            }

            if (!cluster.Ledger.IsExcused(SlotMap.MovingPart) && master.Owner[SlotMap.MovingPart] != owner)
                cluster.Ledger.Violate("I3: " + master + " reports n" + master.Owner[SlotMap.MovingPart] + " as the owner, not n" + owner);
        }

        RequireReadable(cluster);
    }

    /// <summary>
    /// Checks a success that leaves the slot open: only the flags of source and target are set, and clients find every key.
    /// </summary>
    public static void RequireOpen(Scene scene)
    {
        RequireQuiet(scene.Cluster);
        const int part = SlotMap.MovingPart;
        var (source, target) = (scene.MasterOf(scene.Source), scene.MasterOf(scene.Target));
        foreach (var master in scene.Cluster.Nodes.Where(node => node.IsUp && node.IsMaster))
        {
            var (migrating, importing) = (
                master == source ? target.Index : SimulatedNode.NoNode, master == target ? source.Index : SimulatedNode.NoNode);
            if (master.Migrating[part] != migrating || master.Importing[part] != importing)
                scene.Cluster.Ledger.Violate(
                    "I4: " + master + " migrates to " + master.Migrating[part] + " and imports from " + master.Importing[part]);
        }

        var ledger = scene.Cluster.Ledger;
        foreach (var (database, key) in ledger.Written.Keys.ToList())
        {
            if (ledger.IsAboutToExpire(database, key) || ledger.IsExcused(key) || SlotMap.PartOf(SlotMap.Bytes(key)) != part)
                continue;
            var expected = ledger.Expected(database, key)?.Text;
            var found = source.Keys.Get(database, part, key) ?? target.Keys.Get(database, part, key);
            if ((found?.IsAlive(scene.Cluster.Clock.Now) == true ? found.Text : null) != expected)
                scene.Cluster.Ledger.Violate(
                    "I2: " + key + " reads " + (found?.Text ?? "nothing") + " instead of " + (expected ?? "nothing"));
        }
    }

    /// <summary>Checks I2: the owner of its slot returns every acknowledged write.</summary>
    private static void RequireReadable(SimulatedCluster cluster)
    {
        foreach (var (database, key) in cluster.Ledger.Written.Keys.ToList())
        {
            if (cluster.Ledger.IsAboutToExpire(database, key) || cluster.Ledger.IsExcused(key))
                continue;
            var part = SlotMap.PartOf(SlotMap.Bytes(key));
            var owner = cluster.Nodes.FirstOrDefault(node => node.IsUp && node.IsMaster && node.Owner[part] == node.Index);
            var (found, expected) = (owner?.Keys.Get(database, part, key), cluster.Ledger.Expected(database, key));
            if (found?.IsAlive(cluster.Clock.Now) != true)
                found = null;
            if (found?.Text != expected?.Text)
            {
                cluster.Ledger.Violate(
                    "I2: " + owner + " has " + (found?.Text ?? "nothing") + " for " + key + " of database " + database
                    + " instead of " + (expected?.Text ?? "nothing"));
            }
        }
    }

    /// <summary>The owner of every part, as the owners themselves report it.</summary>
    public static IReadOnlyList<int> OwnerMap(SimulatedCluster cluster) => [
        .. Enumerable.Range(0, SlotMap.Parts).Select(part => cluster.Nodes
            .Where(node => node.IsUp && node.IsMaster && node.Owner[part] == node.Index)
            .Select(node => node.Index).DefaultIfEmpty(SimulatedNode.NoNode).First()),
    ];
}
