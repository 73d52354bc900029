using System.CommandLine;
using System.Globalization;
using System.Linq;
using RedisClusterOps.Lab;
using RedisClusterOps.Console.Output;
using Spectre.Console;

namespace RedisClusterOps.Console.Commands;

/// <summary><c>rco lab down</c>: ends what <c>rco lab up</c> started, and what a killed tour left.</summary>
internal static class LabDownCommand
{
    public static Command Create(Screen screen)
    {
        var command = new Command("down", "End the lab that `lab up` started, and nothing else.");
        command.SetAction(_ => Run(screen));
        return command;
    }

    private static int Run(Screen screen)
    {
        var labs = LabRecord.All().Where(lab => lab.IsLeftToUs()).ToList();
        foreach (var lab in labs)
        {
            var ended = lab.End();
            var gone = lab.Nodes.Count - ended;
            screen.Out.WriteLine(
                "ended " + ended.ToString(CultureInfo.InvariantCulture) + (ended == 1 ? " server (" : " servers (") + lab.Server + "): " + string.Join(' ', lab.Nodes.Select(node => node.Endpoint()))
                + (gone == 0 ? string.Empty : "; " + gone.ToString(CultureInfo.InvariantCulture) + " had ended before"));
        }

        if (labs.Count == 0)
            screen.Out.WriteLine("no lab is running");
        return ExitStatus.Done;
    }
}
