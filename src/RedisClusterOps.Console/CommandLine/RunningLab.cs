using System.Linq;
using RedisClusterOps.Lab;

namespace RedisClusterOps.Console.CommandLine;

/// <summary>The lab that <c>lab up</c> left.</summary>
internal static class RunningLab
{
    /// <summary>The newest one with a server still running; null where there is none.</summary>
    public static LabRecord? Find() =>
        LabRecord.All().FirstOrDefault(lab => lab.Owner is null && lab.Nodes.Any(node => node.Process.IsRunning));
}
