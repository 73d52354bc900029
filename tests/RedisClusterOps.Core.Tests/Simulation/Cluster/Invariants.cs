using System.Collections.Generic;
using System.Linq;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>What must hold, whatever happened. Every broken promise goes into the ledger under its name.</summary>
internal static class Invariants
{
    /// <summary>When it is quiet: I1 and I3, whatever became of the operation.</summary>
    public static void RequireQuiet(SimulatedCluster cluster)
    {
        cluster.Ledger.RequireNothingLost();
        var up = cluster.Nodes.Where(node => node.IsUp).ToList();
        for (var part = 0; part < SlotMap.Parts; part++)
        {
            var owners = up.Select(node => node.Owner[part]).Distinct().ToList();
            if (owners.Count != 1 || owners[0] == SimulatedNode.Nobody)
                cluster.Ledger.Violate("I3: part " + part + " belongs to " + string.Join(", ", up.Select(node => "n" + node.Owner[part] + " says " + node)));
        }
    }

    /// <summary>After success, when it is quiet: I1 to I5.</summary>
    /// <param name="owner">Who must own the moving slot.</param>
    /// <param name="strays">True where keys on nodes that do not own their slot were there before and are not the operation's to gather.</param>
    public static void RequireDone(SimulatedCluster cluster, int owner, bool strays = false)
    {
        RequireQuiet(cluster);
        foreach (var master in cluster.Nodes.Where(node => node.IsUp && node.IsMaster))
        {
            for (var part = 0; part < SlotMap.Parts; part++)
            {
                if (master.Migrating[part] != SimulatedNode.Nobody || master.Importing[part] != SimulatedNode.Nobody)
                    cluster.Ledger.Violate("I4: " + master + " still has part " + part + " open");
                if (!strays && master.Owner[part] != master.Index && master.Keys.CountIn(part) > 0)
                    cluster.Ledger.Violate("I5: " + master + " holds " + master.Keys.CountIn(part) + " keys of part " + part + ", which it does not own");
            }

            if (master.Owner[SlotMap.MovingPart] != owner)
                cluster.Ledger.Violate("I3: " + master + " takes n" + master.Owner[SlotMap.MovingPart] + " for the owner, not n" + owner);
        }

        RequireReadable(cluster);
    }

    /// <summary>After a success that leaves the slot open: both flags and no other, the owner owns it, and clients find every key.</summary>
    public static void RequireOpen(Scene scene)
    {
        RequireQuiet(scene.Cluster);
        const int part = SlotMap.MovingPart;
        var (source, target) = (scene.MasterOf(scene.Source), scene.MasterOf(scene.Target));
        foreach (var master in scene.Cluster.Nodes.Where(node => node.IsUp && node.IsMaster))
        {
            var (migrating, importing) = (master == source ? target.Index : SimulatedNode.Nobody, master == target ? source.Index : SimulatedNode.Nobody);
            if (master.Migrating[part] != migrating || master.Importing[part] != importing)
                scene.Cluster.Ledger.Violate("I4: " + master + " migrates to " + master.Migrating[part] + " and imports from " + master.Importing[part]);
        }

        foreach (var (database, key) in scene.Cluster.Ledger.Written.Keys.Where(key => !scene.Cluster.Ledger.IsAboutToExpire(key.Database, key.Key) && !scene.Cluster.Ledger.IsExcused(key.Key) && SlotMap.PartOf(SlotMap.Bytes(key.Key)) == part).ToList())
        {
            var expected = scene.Cluster.Ledger.Expected(database, key)?.Text;
            var found = source.Keys.Get(database, part, key) ?? target.Keys.Get(database, part, key);
            if ((found?.IsAlive(scene.Cluster.Clock.Now) == true ? found.Text : null) != expected)
                scene.Cluster.Ledger.Violate("I2: " + key + " reads " + (found?.Text ?? "nothing") + ", which is " + (expected ?? "not there"));
        }
    }

    /// <summary>I2: every acknowledged write is what its slot's owner answers.</summary>
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
                cluster.Ledger.Violate("I2: " + owner + " has " + (found?.Text ?? "nothing") + " for " + key + " of database " + database + ", which is " + (expected?.Text ?? "not there"));
        }
    }

    /// <summary>Owners of every part, by the word of each owner itself.</summary>
    public static IReadOnlyList<int> OwnerMap(SimulatedCluster cluster) => [.. Enumerable.Range(0, SlotMap.Parts)
        .Select(part => cluster.Nodes.Where(node => node.IsUp && node.IsMaster && node.Owner[part] == node.Index).Select(node => node.Index).DefaultIfEmpty(SimulatedNode.Nobody).First())];
}
