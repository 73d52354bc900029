using System;
using System.IO;
using System.Linq;
using RedisClusterOps.Console.CommandLine;
using Spectre.Console;

namespace RedisClusterOps.Console.Output;

/// <summary>What to type for <c>rco</c> where it is on nobody's PATH, as after <c>dotnet run</c>.</summary>
internal static class RcoItself
{
    public static void Explain(Screen screen)
    {
        var program = Environment.ProcessPath;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(Path.PathSeparator);
        if (program is null || folders.Any(folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? "rco.exe" : "rco"))))
            return;
        // Started as `dotnet rco.dll`, the process is dotnet.
        var typed = Path.GetFileNameWithoutExtension(program) == "rco" ? program : program + " " + Path.GetFullPath(Environment.GetCommandLineArgs()[0]);
        screen.Out.WriteLine();
        screen.Out.WriteLine(OperatingSystem.IsWindows()
            ? "rco here is " + typed
            : "rco is not on your PATH; for this shell: alias rco=" + ShellWord.Of(typed));
    }
}
