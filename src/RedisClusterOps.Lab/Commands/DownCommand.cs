using System.CommandLine;
using System.Linq;

namespace RedisClusterOps.Lab.Commands;

/// <summary><c>down</c>: ends the lab that <c>up</c> started, and removes the servers and files of a killed tour.</summary>
internal static class DownCommand
{
    public static Command Create(LabCommandLine line)
    {
        var command = new Command(
            "down", "End the lab that 'up' started, and any servers and files of a killed tour. Nothing else is touched.");
        command.SetAction(_ => Run(line));
        return command;
    }

    private static int Run(LabCommandLine line)
    {
        var labs = LabRecord.All().Where(lab => lab.IsUnowned()).ToList();
        foreach (var lab in labs)
        {
            var ended = lab.End();
            var gone = lab.Nodes.Count - ended;
            line.Out.WriteLine(
                "ended " + ended + " of " + lab.Nodes.Count + " servers (" + lab.Server + "): "
                + string.Join(' ', lab.Nodes.Select(node => node.Endpoint()))
                + (gone == 0 ? string.Empty : "; " + gone + " had ended before"));
        }

        if (labs.Count == 0)
            line.Out.WriteLine("no lab is running");
        return 0;
    }
}
