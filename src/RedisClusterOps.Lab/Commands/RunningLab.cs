using System.Linq;

namespace RedisClusterOps.Lab.Commands;

/// <summary>The lab that <c>up</c> started.</summary>
internal static class RunningLab
{
    /// <summary>Finds the newest lab with a running server; null if there is none.</summary>
    public static LabRecord? Find() =>
        LabRecord.All().FirstOrDefault(lab => lab.Owner is null && lab.Nodes.Any(node => node.Process.IsRunning));

    /// <exception cref="UsageException">No lab is running.</exception>
    public static LabRecord Get() =>
        Find() ?? throw new UsageException("No lab is running. Start one: " + LabCommandLine.Invocation + "up");
}
